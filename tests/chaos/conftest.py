"""What tests with kills have in common."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import FIGURES

Report = Callable[..., None]


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Note figures of this test for the summary; they travel with its outcome, from whichever process runs it."""

    def note(**figures: object) -> None:
        shown = ", ".join(f"{key}={value}" for key, value in figures.items())
        request.node.user_properties.append((FIGURES, shown))

    return note


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start processes without coverage: who is killed leaves no measurement, and measuring halves what all can do."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
