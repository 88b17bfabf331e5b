"""659 recorded answers through the whole system: what comes out is what the file says, and so is what it cost."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from benchmarks.gsm8k import FILE, grade, read_questions, recorded, requests
from schemas.prices import cost_of
from schemas.registry import ModelRegistry
from schemas.wire import Tokens
from streams.cli.app import run
from streams.embedded.state import find_stack
from tests.integration.cli.commands import Up, write_lines

CONFIG = Path("config/gsm8k.yaml")
MODELS = Path("config/gsm8k-models.yaml")


@pytest.mark.skipif(not FILE.exists(), reason="the recorded outcomes stand beside the checkout, and are not here")
def test_answers_accuracy_and_cost_are_the_recorded_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASAHI_CONFIG", str(CONFIG.absolute()))
    questions = read_questions(FILE)
    cheap, dear = questions[::2], questions[1::2]
    asked = [*requests(cheap, "demo", None), *requests(dear, "demo", "gpt-4")]
    answered = tmp_path / "results.jsonl"
    up = Up(tmp_path / "data")
    try:
        up.wait_for("Ctrl-C stops it")
        questions_file = write_lines(tmp_path / "requests.jsonl", asked)
        arguments = ["submit", str(questions_file), "--output", str(answered)]
        assert run(["--data-dir", str(tmp_path / "data"), *arguments]) == 0
        stack = find_stack(tmp_path / "data")
        assert stack is not None
        by_model = _usage_by_model(stack.clickhouse_url, calls=len(asked))
    finally:
        assert up.stop() == 0, up.said()

    results = [json.loads(line) for line in answered.read_text().splitlines()]
    assert [result["id"] for result in results] == [request["id"] for request in asked]
    grades = grade(questions, results)
    registry = ModelRegistry.load(MODELS)
    for model, its_questions in (("mixtral-8x7b", cheap), ("gpt-4", dear)):
        expected = recorded(its_questions)[model]
        assert grades[model] == {
            "questions": len(its_questions),
            "correct": expected["correct"],
            "as_recorded": len(its_questions),
        }
        spec = registry.get(model)
        assert spec is not None
        tokens = Tokens(input_tokens=expected["input_tokens"], output_tokens=expected["output_tokens"])
        assert by_model[model] == (len(its_questions), cost_of(tokens, spec.price))


def _usage_by_model(url: str, calls: int) -> dict[str, tuple[int, Decimal]]:
    """Return calls and cost by model, once the sink has them all."""
    sql = "SELECT model, count(), toString(sum(cost_usd)) FROM asahi.usage GROUP BY model FORMAT JSONCompactEachRow"
    with httpx.Client() as client:
        for _ in range(1000):
            lines = client.post(url, content=sql).raise_for_status().text.splitlines()
            rows = [json.loads(line) for line in lines]
            found = {model: (int(count), Decimal(cost)) for model, count, cost in rows}
            if sum(count for count, _ in found.values()) == calls:
                return found
    raise AssertionError(f"the warehouse has {found}, not {calls} calls")
