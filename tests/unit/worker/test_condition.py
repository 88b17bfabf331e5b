"""What `/health` of a worker says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from agents.pipeline import Pipeline
from streams.follow import Following
from streams.receipts import Capacity

NOBODY: Any = None


def pipeline(*, app: bool = False, consumer: bool = False, knows: bool = True) -> Pipeline:
    """Return a worker of which only this is known."""
    following = Following()
    if knows:
        following.caught_up.set()
    stages: Any = SimpleNamespace(following=following, capacities={"intake": Capacity(5)})
    faust: Any = SimpleNamespace(crashed=app, consumer=SimpleNamespace(crashed=consumer))
    return Pipeline(NOBODY, faust, stages, NOBODY, NOBODY)


@pytest.mark.parametrize(
    ("worker", "status"),
    [
        (pipeline(), "ok"),
        (pipeline(knows=False), "starting"),
        (pipeline(app=True), "crashed"),
        (pipeline(consumer=True, knows=False), "crashed"),
    ],
)
async def test_a_worker_is_well_when_it_may_work(worker: Pipeline, status: str) -> None:
    condition = await worker.condition()
    assert (condition.status, condition.ok) == (status, status == "ok")
    assert condition.details == {"held": {"intake": 0}}
