"""Decisions explained and made again, from what a running stack has logged."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from tests.integration.cli.commands import Asahi, eventually, write_lines

PATIENCE_SECONDS = 120.0
SHIPPED = Path(__file__).parents[3] / "config" / "models.yaml"
ANSWERED = 40
REQUESTS = [
    {"id": f"plain-{number}", "prompt": f"What is {number} squared?", "constraints": {"min_quality": 0.8}}
    for number in range(ANSWERED)
] + [
    {"id": "useful", "prompt": "Prove it.", "mode": "guided", "lambda": 5},
    {"id": "named", "prompt": "Who are you?", "mode": "explicit", "model": "gpt-4o"},
    {"id": "again", "prompt": "What is 1 squared?", "constraints": {"min_quality": 0.8}},
    {"id": "impossible", "prompt": "Be perfect.", "constraints": {"min_quality": 1}},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logged")


@pytest.fixture
def logged(asahi: Asahi, folder: Path) -> Asahi:
    """The stack once all requests have their result in ClickHouse."""
    requests, output = folder / "in.jsonl", folder / "out.jsonl"
    if not output.exists():
        write_lines(requests, REQUESTS)
        assert asahi("submit", str(requests), "--output", str(output)).code == 0
    deadline = time.monotonic() + PATIENCE_SECONDS
    while asahi("explain", "impossible").code or "quality too low" not in asahi("explain", "plain-3").out:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return asahi


def test_a_decision_is_explained_and_made_again(logged: Asahi) -> None:
    told = logged("explain", "plain-3", "--json").json
    assert told["chosen"] == told["result"]["model"]
    assert told["again"]["same"] is True
    candidates = told["result"]["decision"]["candidates"]
    lost = told["result"]["decision"]["lost"]
    assert set(candidates) == set(lost) | {told["chosen"]}
    fitting = [name for name, each in candidates.items() if each["quality"] >= 0.8]
    assert min(fitting, key=lambda name: Decimal(candidates[name]["cost_usd"])) == told["chosen"]
    (call,) = told["calls"]
    assert call["model"] == told["chosen"]
    said = logged("explain", "plain-3").out
    assert "chosen" in said
    assert "quality too low" in said
    assert "0.8 or more asked for" in said
    assert "it gets the same model" in said


def test_every_rule_says_its_name(logged: Asahi) -> None:
    useful = logged("explain", "useful", "--json").json
    assert useful["result"]["decision"]["rule"] == "best_by_utility"
    assert "quality - 5 per USD" in useful["result"]["decision"]["reason"]
    assert useful["again"]["same"] is True
    assert useful["result"]["decision"]["utility_lambda"] == 5
    assert " utility" in logged("explain", "useful").out
    named = logged("explain", "named", "--json").json
    assert (named["result"]["decision"]["rule"], named["chosen"]) == ("explicit_model", "gpt-4o")


def test_without_a_decision_there_is_nothing_to_make_again(logged: Asahi) -> None:
    cached = logged("explain", "again", "--json").json
    assert cached["result"]["status"] == "cached"
    assert cached["again"]["same"] is None
    refused = logged("explain", "impossible")
    assert "no model meets the constraints" in refused.out
    assert "nothing to route again" in refused.out


def test_an_unknown_request_is_an_error(logged: Asahi) -> None:
    said = logged("explain", "nobody-asked")
    assert said.code == 2
    assert "there is no result of request 'nobody-asked'" in said.err


def test_the_same_configuration_changes_nothing(logged: Asahi) -> None:
    found = logged("whatif", "--since", "1h", "--json").json
    assert found["then"]["requests"] == found["now"]["requests"] == ANSWERED + 2
    assert found["then"]["by_model"] == found["now"]["by_model"]
    assert Decimal(found["then"]["cost_usd"]) == Decimal(found["now"]["cost_usd"]) > 0
    assert found["left_out"] == {
        "answered from the cache": 1,
        "rejected: no_model_meets_constraints": 1,
    }


def test_what_could_be_had_for_less_is_found_shown_and_published(
    logged: Asahi, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "nothing to recommend" in logged("recommend", "--since", "1h").out
    assert "nothing is known of the organization 'nobody'" in logged("recommend", "--tenant", "nobody").err
    monkeypatch.setenv("ASAHI_RECOMMENDATIONS_LEAST_REQUESTS", "1")
    told = logged("recommend", "--json").json
    (made,) = told["recommendations"]
    named = logged("explain", "named", "--json").json["result"]
    assert (made["kind"], made["model"], made["before_usd"]) == ("cheaper_model", "gpt-4o", named["cost_usd"])
    saving = Decimal(made["before_usd"]) - Decimal(made["after_usd"])
    assert Decimal(made["saving_usd"]) == Decimal(told["saving_usd_together"]) == saving > 0
    shown = logged("recommend", "show", made["id"][:8]).out
    assert "a cheaper model, as good" in shown
    assert "decision_rule = 'explicit_model'" in shown
    assert "1 sent to asahi.recommendations" in logged("recommend", "--publish").out
    # Of another time it is not found again, so it is looked up among those that were published.
    published = ("recommend", "show", made["id"], "--since", "1s", "--json")
    eventually(lambda: logged(*published).code == 0)
    assert logged(*published).json["saving_usd"] == made["saving_usd"]
    assert "none of this id was published" in logged("recommend", "show", "zzz").err


def test_another_models_file_moves_requests(logged: Asahi, tmp_path: Path) -> None:
    document = yaml.safe_load(SHIPPED.read_text())
    document["models"] = [model for model in document["models"] if model["name"] in {"gpt-4o", "gpt-4o-mini"}]
    file = tmp_path / "two.yaml"
    file.write_text(yaml.safe_dump(document))
    found = logged("whatif", "--config", str(file), "--json").json
    assert found["now"]["by_model"].keys() == {"gpt-4o", "gpt-4o-mini"}
    assert found["now"]["by_model"]["gpt-4o-mini"]["requests"] >= ANSWERED
    assert sum(move["requests"] for move in found["moves"]) == found["then"]["requests"]
    assert Decimal(found["now"]["cost_usd"]) > Decimal(found["then"]["cost_usd"])
    said = logged("whatif", "--config", str(file)).out
    assert "requests move to another model" in said
    assert "1 not routed again: answered from the cache" in said


def test_other_rules_move_requests_too(logged: Asahi, tmp_path: Path) -> None:
    best = logged("whatif", "--lambda", "0", "--recorded", "--json").json
    assert best["routing"]["strategy"] == "utility"
    assert best["now"]["predicted_quality"] > best["then"]["predicted_quality"]
    file = tmp_path / "asahi.yaml"
    file.write_text("routing: {expected_output_tokens: 10, strategy: utility, utility_lambda: 0}\n")
    assert logged("whatif", "--config", str(file), "--json").json["now"] == best["now"]
    assert logged("whatif", "--since", "7 days").code == 2
