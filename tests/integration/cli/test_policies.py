"""Policies and rates on a running stack, as `docs/governance.md` tells them; and a cascade, explained."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from tests.integration.cli.commands import Asahi, answered, eventually, write_lines
from tests.unit.docs.fences import ROOT, fences

PAGE = ROOT / "docs" / "governance.md"
WHY = ("--reason", "a test")
CUT_OFF = {"max_output_tokens": 5}
"""The simulated answer is longer: what is cut off does not hold."""
CASCADED: list[dict[str, Any]] = [
    {"id": "held", "prompt": "Who wrote Faust?", "strategy": "cascade", "constraints": {"min_quality": 0.8}},
    {"id": "escalated", "prompt": "Who wrote Faust, and when?", "accept": 0.9, "sampling": CUT_OFF},
]


def block(language: str, kind: str) -> str:
    (found,) = [fence.text for fence in fences(language) if fence.page == PAGE and fence.kind == kind]
    return found


def test_the_example_of_the_docs_holds(asahi: Asahi, tmp_path: Path) -> None:
    file = tmp_path / "governance.yaml"
    file.write_text(block("yaml", "policies"))
    applied = asahi("governance", "apply", "-f", str(file), "--yes", *WHY)
    assert (applied.code, "not enforced" in applied.err) == (0, False), applied.err
    explain = ("governance", "explain", "--tenant", "acme")
    said = asahi(*explain, "--user", "amara")
    assert [line.split() for line in said.out.splitlines()] == [
        line.split() for line in block("text", "policies").splitlines()
    ]
    issued = asahi("governance", "keys", "issue", "--tenant", "acme", "--user", "amara", *WHY).out
    told = asahi(*explain, "--key", issued.split("_")[1], "--json").json
    assert told["scopes"] == ["tenant acme", "team search", "user amara", f"key {issued.split('_')[1]}"]
    assert {"field": "policy.cache", "value": "read_only", "by": ["user amara"]} in told["rules"]
    assert "there is no user 'nobody' of acme" in asahi(*explain, "--user", "nobody").err
    assert asahi("governance", "explain", "--tenant", "demo").out.splitlines()[1:] == ["nothing is limited"]

    named = orjson.loads(block("json", "request"))
    free = {"id": "order-3", "tenant": "acme", "user": "amara", "prompt": "Good day"}
    others = named | {"id": "order-4", "user": "ben"}
    results = answered(asahi, tmp_path, named, free, others)
    assert {name: result["status"] for name, result in results.items()} == {
        "order-2": "rejected",
        "order-3": "completed",
        "order-4": "completed",
    }
    error = results["order-2"]["error"]
    assert (error["code"], "team search" in error["message"]) == ("model_not_allowed", True)
    assert results["order-3"]["model"] == "gpt-4o-mini"
    assert results["order-3"]["usage"]["output_tokens"] <= 500
    eventually(lambda: "not allowed by team search" in asahi("explain", "order-3").out)
    lost = asahi("explain", "order-3", "--json").json["result"]["decision"]["lost"]
    assert lost["gpt-4-turbo"] == "not allowed by team search"
    assert lost["gpt-4o"] == "not allowed by tenant acme"


def test_a_rate_set_on_a_running_stack_holds_and_says_when_to_come_back(asahi: Asahi, tmp_path: Path) -> None:
    user = ("governance", "users", "set", "cleo", "--tenant", "demo", *WHY)
    said = asahi(*user, "--set", "rates.requests_per_minute=1", "--set", "rates.request_burst=2")
    assert "known to 1 worker" in said.err
    results = answered(
        asahi,
        tmp_path,
        *({"id": f"c{number}", "tenant": "demo", "user": "cleo", "prompt": f"Hello {number}"} for number in range(4)),
    )
    assert sorted(result["status"] for result in results.values()) == ["completed"] * 2 + ["rejected"] * 2
    errors = [result["error"] for result in results.values() if result["status"] == "rejected"]
    assert {error["code"] for error in errors} == {"rate_limited"}
    assert all(0 < error["retry_after_seconds"] <= 60 for error in errors)


def test_a_cascade_is_answered_booked_and_explained(asahi: Asahi, tmp_path: Path) -> None:
    write_lines(tmp_path / "in.jsonl", CASCADED)
    assert asahi("submit", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl")).code == 0
    eventually(lambda: not any(asahi("explain", request["id"]).code for request in CASCADED))
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
