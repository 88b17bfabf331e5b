from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from agents.providers.protocol import decode_prompt
from agents.providers.recorded import Recorded
from benchmarks.gsm8k import FILE, Outcome, Question, grade, main, read_questions, recorded, requests
from schemas.request import Mode, Request
from tests.unit.providers.calls import settings

needs_file = pytest.mark.skipif(not FILE.exists(), reason="the recorded outcomes are not beside the project")


def question(number: int, *, small: bool, big: bool) -> Question:
    outcomes = {"mixtral-8x7b": Outcome(f"small {number}", small), "gpt-4": Outcome(f"big {number}", big)}
    return Question(f"gsm8k-{number:04d}", f" Question {number}? ", outcomes)


QUESTIONS = [
    question(0, small=False, big=True),
    question(1, small=True, big=True),
    question(2, small=False, big=False),
]


def test_requests_follow_the_contract() -> None:
    routed = [Request.model_validate(request) for request in requests(QUESTIONS, "demo", None)]
    assert [request.id for request in routed] == ["gsm8k-0000", "gsm8k-0001", "gsm8k-0002"]
    assert {request.mode for request in routed} == {Mode.AUTOPILOT}
    explicit = [Request.model_validate(request) for request in requests(QUESTIONS, "demo", "gpt-4")]
    assert {(request.mode, request.model) for request in explicit} == {(Mode.EXPLICIT, "gpt-4")}


def test_the_files_own_accuracy_is_told_by_model() -> None:
    told = recorded(QUESTIONS)
    assert (told["mixtral-8x7b"]["correct"], told["gpt-4"]["correct"]) == (1, 2)
    assert told["gpt-4"]["accuracy"] == pytest.approx(2 / 3)
    assert told["gpt-4"]["input_tokens"] == 3 * 3
    assert told["gpt-4"]["output_tokens"] == 3 * 1


def test_results_are_graded_by_the_model_that_was_chosen() -> None:
    results: list[dict[str, Any]] = [
        {"id": "gsm8k-0000", "status": "completed", "model": "mixtral-8x7b", "output": {"content": "small 0"}},
        {"id": "gsm8k-0001", "status": "completed", "model": "gpt-4", "output": {"content": "something else"}},
        {"id": "gsm8k-0002", "status": "failed", "output": None},
    ]
    assert grade(QUESTIONS, results) == {
        "mixtral-8x7b": {"questions": 1, "correct": 0, "as_recorded": 1},
        "gpt-4": {"questions": 1, "correct": 1, "as_recorded": 0},
        "failed": {"questions": 1, "correct": 0, "as_recorded": 0},
    }


@needs_file
def test_the_recorded_provider_gives_every_recorded_answer() -> None:
    columns = {"mixtral-8x7b": "mixtral_answer", "gpt-4": "gpt4_answer"}
    provider = Recorded("gsm8k", settings("recorded", recording=FILE, recorded_columns=columns))
    questions = read_questions(FILE)
    assert len(questions) == 659
    tokens = dict.fromkeys(columns, 0)
    for one, request in zip(questions, requests(questions, "demo", None), strict=True):
        prompt = decode_prompt(json.dumps(request).encode())
        for model, outcome in one.outcomes.items():
            reply = provider.complete(prompt, model, 1)
            assert reply.answer.content == outcome.answer
            tokens[model] += reply.tokens.output_tokens
    assert tokens == {model: told["output_tokens"] for model, told in recorded(questions).items()}


@needs_file
def test_the_command_writes_requests_and_reports(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    output, results = tmp_path / "requests.jsonl", tmp_path / "results.jsonl"
    results.write_text('{"id": "gsm8k-0000", "status": "failed"}\n')
    monkeypatch.setattr(sys, "argv", ["gsm8k", "--output", str(output), "--results", str(results)])
    assert main() == 0
    assert len(output.read_text(encoding="utf-8").splitlines()) == 659
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["recorded"]["gpt-4"]["correct"] == 558
    assert report["results"] == {"failed": {"questions": 1, "correct": 0, "as_recorded": 0}}


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["gsm8k", "--file", "nowhere.csv.gz"])
    assert main() == 2
    assert "nowhere.csv.gz is missing" in capsys.readouterr().err
