"""Questions in other words on a running stack, as `docs/caching.md` tells it: asked for, answered, told, rejected."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.integration.cli.commands import Asahi, Up, answered, eventually, write_lines

QUESTION, OTHER, THIRD = (
    "What is the capital city of Chad?",
    "What's the capital city of Chad?",
    "What is Chad's capital city?",
)
WHY = ("--reason", "a test")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A stack whose worker compares questions, and checks none with a model."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ASAHI_SEMANTIC_ENABLED", "true")
        environment.setenv("ASAHI_SEMANTIC_CHECKED_SHARE", "0")
        up = Up(tmp_path_factory.mktemp("stack") / "data")
    up.wait_for("Ctrl-C stops it")
    yield up
    assert up.stop() == 0, up.said()


def test_an_answer_is_served_to_other_words_until_it_is_rejected(asahi: Asahi, tmp_path: Path) -> None:
    bound = ("--set", "policy.semantic_error_bound=0.05")
    assert asahi("governance", "tenants", "set", "demo", *bound, *WHY).code == 0
    assert answered(asahi, tmp_path, {"id": "r0", "prompt": QUESTION})["r0"]["status"] == "completed"
    served = answered(asahi, tmp_path, {"id": "r1", "prompt": OTHER})["r1"]
    assert (served["status"], served["cache"]["tier"]) == ("cached", "semantic")

    eventually(lambda: len(asahi("cache", "stats", "--tenant", "demo", "--json").json) == 2)
    tiers = {row["tier"]: row for row in asahi("cache", "stats", "--json").json}
    assert {name: row["requests"] for name, row in tiers.items()} == {"called": 1, "semantic": 1}
    assert Decimal(tiers["semantic"]["saved_usd"]) == Decimal(served["baseline"]["cost_usd"])
    assert "no answers in this time" in asahi("cache", "stats", "--tenant", "demo", "--since", "2999-01-01").out
    assert "nothing is known of the organization 'nobody'" in asahi("cache", "stats", "--tenant", "nobody").err

    refused = asahi("cache", "reject", "r0", "--tenant", "demo")
    assert (refused.code, "did not get the answer to another question" in refused.err) == (2, True)
    assert "there is no result" in asahi("cache", "reject", "r9", "--tenant", "demo").err
    assert asahi("cache", "reject", "r1", "--tenant", "demo", *WHY).code == 0
    numbers = iter(range(1000))

    def missed() -> bool:
        request = {"id": f"again-{next(numbers)}", "prompt": THIRD, "cache": {"directive": "only"}}
        (result,) = answered(asahi, tmp_path, request).values()
        return bool(result["status"] == "rejected")

    eventually(missed)
    eventually(lambda: "wrong" in asahi("cache", "stats").out and graded(asahi) == (1, 1))
    assert "semantic" in asahi("cache", "stats").out


def test_an_answer_is_inspected_and_evicted(asahi: Asahi, tmp_path: Path) -> None:
    prompt = {"prompt": "Which sea does the Rhone flow into?"}
    assert answered(asahi, tmp_path, {"id": "e0", **prompt})["e0"]["status"] == "completed"
    assert answered(asahi, tmp_path, {"id": "e1", **prompt})["e1"]["cache"]["source_request_id"] == "e0"
    eventually(lambda: asahi("cache", "inspect", "e1", "--tenant", "demo", "--json").json)
    (row,) = asahi("cache", "inspect", "e1", "--tenant", "demo", "--json").json
    assert (row["request_id"], row["uses"], row["other_words"], row["state"]) == ("e0", 1, 0, "serves")
    assert Decimal(row["saved_usd"]) > 0

    evicted = asahi("cache", "evict", "e1", "--tenant", "demo", *WHY)
    assert evicted.code == 0, evicted.err
    assert "evicted request-e0 of demo; 1 of 1 workers have dropped it" in evicted.out
    assert answered(asahi, tmp_path, {"id": "e2", **prompt})["e2"]["status"] == "completed"
    assert "evicted" in asahi("cache", "inspect", "e0", "--tenant", "demo").out
    query = ("audit", "query", "--tenant", "demo", "--action", "cache_evicted", "--json")
    eventually(lambda: [record["subject"] for record in asahi(*query).json] == ["demo/eviction/request-e0"])

    for wrong, told in (
        (("e1", "--all"), "only one of them"),
        ((), "a REQUEST_ID, --model or --all"),
        (("e9",), "there is no result of request 'e9'"),
    ):
        refused = asahi("cache", "evict", *wrong, "--tenant", "demo", *WHY)
        assert (refused.code, told in refused.err) == (2, True), refused.err
    nobody = asahi("cache", "evict", "--all", "--tenant", "nobody", *WHY)
    assert "no organization 'nobody' is registered" in nobody.err
    assert "no answer of the cache served anybody" in asahi("cache", "inspect", "r9", "--tenant", "demo").out
    assert "nothing is known of the organization" in asahi("cache", "inspect", "--tenant", "nobody").err


def test_answers_from_elsewhere_serve_without_a_call(asahi: Asahi, tmp_path: Path) -> None:
    line = {"id": "w0", "prompt": "How tall is the Zugspitze?", "answer": "2,962 m", "model": "gpt-4-turbo"}
    file = write_lines(tmp_path / "answers.jsonl", [line, {**line, "id": "w1", "answer": ""}])
    warmed = asahi("cache", "warm", str(file), "--tenant", "demo", *WHY)
    assert warmed.code == 0, warmed.err
    assert "1 of 2 answers are on their way into the cache of demo; 1 are none that the cache keeps" in warmed.out
    numbers = iter(range(1000))

    def served() -> bool:
        request = {"id": f"tall-{next(numbers)}", "prompt": line["prompt"], "cache": {"directive": "only"}}
        [result] = answered(asahi, tmp_path, request).values()
        return result["status"] == "cached" and bool(result["output"]["content"] == "2,962 m")

    eventually(served)
    wrong = asahi("cache", "warm", str(write_lines(tmp_path / "wrong.jsonl", [line, {}])), "--tenant", "demo", *WHY)
    assert (wrong.code, "line 2: field answer: missing" in wrong.err) == (2, True)
    assert "name a file that can be read" in asahi("cache", "warm", "nowhere.jsonl", "--tenant", "demo", *WHY).err


def graded(asahi: Asahi) -> tuple[int, int]:
    (semantic,) = [row for row in asahi("cache", "stats", "--json").json if row["tier"] == "semantic"]
    return semantic["graded"], semantic["wrong"]
