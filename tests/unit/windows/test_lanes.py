from __future__ import annotations

from typing import Any

import pytest

from agents.windows.lanes import lane_of
from schemas.result import Lane
from tests.flow.journeys import NOW, a_request, deadline


@pytest.mark.parametrize(
    ("constraints", "lane"),
    [
        ({}, Lane.INTERACTIVE),
        (deadline(599.9), Lane.INTERACTIVE),
        (deadline(600), Lane.BULK),
        (deadline(86_400), Lane.BULK),
        (deadline(-1), Lane.INTERACTIVE),
        (deadline(86_400) | {"latency_budget_ms": 500}, Lane.INTERACTIVE),
        ({"latency_budget_ms": 500}, Lane.INTERACTIVE),
    ],
)
def test_only_a_request_with_time_travels_in_bulk(constraints: dict[str, Any], lane: Lane) -> None:
    assert lane_of(a_request(constraints=constraints), NOW, 600.0) is lane
