"""A cascade on a running stack, as it is logged and explained."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.integration.cli.commands import Asahi, write_lines

PATIENCE_SECONDS = 120.0
CUT_OFF = {"max_output_tokens": 5}
"""The simulated answer is longer: what is cut off does not hold."""
REQUESTS: list[dict[str, Any]] = [
    {"id": "held", "prompt": "Who wrote Faust?", "strategy": "cascade", "constraints": {"min_quality": 0.8}},
    {"id": "escalated", "prompt": "Who wrote Faust, and when?", "accept": 0.9, "sampling": CUT_OFF},
]


def test_a_cascade_is_answered_booked_and_explained(asahi: Asahi, tmp_path: Path) -> None:
    write_lines(tmp_path / "in.jsonl", REQUESTS)
    assert asahi("submit", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl")).code == 0
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(asahi("explain", request["id"]).code for request in REQUESTS):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    held = asahi("explain", "held", "--json").json
    steps = [step["model"] for step in held["result"]["decision"]["steps"]]
    assert held["result"]["decision"]["rule"] == "cascade"
    assert held["result"]["model"] == held["chosen"] == steps[0]
    assert [check["accepted"] for check in held["result"]["checks"]] == [True]
    told = asahi("explain", "escalated", "--json").json
    result = told["result"]
    first, last = [step["model"] for step in result["decision"]["steps"]]
    assert [call["model"] for call in told["calls"]] == [first, last]
    assert result["model"] == last
    assert Decimal(result["cost_usd"]) == sum(Decimal(call["cost_usd"]) for call in told["calls"])
    assert told["again"]["same"] is True
    said = asahi("explain", "escalated").out
    assert f"{first} not accepted: finish_reason" in said
    assert "step 1" in said
    assert "step 2" in said
