"""The desk of budgets, for tests of what uses it."""

from __future__ import annotations

from agents.governance.budgets.desk import BudgetDesk
from agents.governance.budgets.estimate import Estimator
from agents.governance.registry import Registry
from tests.flow.models import three_models

HOLD_SECONDS = 3600.0


def a_desk(directory: Registry) -> BudgetDesk:
    """Return the desk of a partition, with the prices of `three_models`."""
    return BudgetDesk(directory, Estimator(three_models()), HOLD_SECONDS)
