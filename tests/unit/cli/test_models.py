from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from streams.cli.app import run

SHIPPED = str(Path(__file__).parents[3] / "config" / "models.yaml")


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert run(["models", "--file", SHIPPED, *arguments]) == code
    printed = capsys.readouterr()
    return printed.out if code == 0 else printed.err


def test_all_models_are_listed_within_a_hundred_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    lines = said(capsys).splitlines()
    assert lines[0].split()[0] == "model"
    assert len(lines) == 29 + 2
    assert max(len(line.rstrip()) for line in lines[:-1]) <= 100
    assert "example: 1,000 tokens in, 300 out" in lines[-1]


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ("cost", "llama-3.1-8b"),
        ("quality", "gpt-5.4"),
        ("speed", "llama-3.1-8b"),
        ("window", "gemini-2.5-flash"),
        ("name", "claude-3-5-sonnet"),
    ],
)
def test_models_are_sorted(capsys: pytest.CaptureFixture[str], order: str, first: str) -> None:
    document = orjson.loads(said(capsys, "--sort", order, "--json"))
    assert document["models"][0]["name"] == first


def test_the_example_is_priced_exactly(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--input-tokens", "1000000", "--output-tokens", "1", "--task-type", "coding", "--json")
    (model,) = orjson.loads(said(capsys, "gpt-4o", *options))["models"]
    assert Decimal(model["example_cost_usd"]) == Decimal("2.50001")
    assert model["example_quality"] == 0.9
    assert model["price_ref"] == "openai:gpt-4o"


def test_named_models_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "gpt-4o", "claude-3-5-sonnet", "gpt-5.4")
    assert text.splitlines()[0].split() == ["gpt-4o", "gpt-5.4", "claude-3-5-sonnet"]
    assert "$0.007500 (1.4x)" in text
    assert "0.97 (default)" in text
    assert "gpt-4o: quality scaled: openai/simple-evals" in text
    assert "gpt-5.4: price up to 272,000 tokens of input" in text


def test_a_misspelt_model_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no model 'gpt4o'; did you mean gpt-4o?" in said(capsys, "gpt4o", code=2)
    assert "there are: gpt-4-turbo, " in said(capsys, "zzz", code=2)
