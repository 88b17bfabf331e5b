from __future__ import annotations

import pytest

from agents.routing.learning.fitting import fit_router
from agents.routing.learning.learned import Learned
from tests.unit.routing.graded import WordHashes, made_up


@pytest.fixture(scope="session")
def learned() -> Learned:
    """Fitted once: nothing may change it."""
    return fit_router(made_up(answers=True), WordHashes(), seed=1)
