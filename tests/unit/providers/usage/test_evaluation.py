from __future__ import annotations

import csv
import gzip
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from agents.providers.usage.evaluation import COLUMNS, RECORDED_ON, comparison, read_bodies
from agents.providers.usage.recorded import price_bodies, stated
from streams.cli.app import run

USAGES = Path(__file__).parents[5] / "shared" / "data" / "provider_usages.json.gz"
CHAT_BODY = {
    "model": "gpt-4o",
    "usage": {
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "prompt_tokens_details": {"cached_tokens": 400},
    },
}


def entry(body: dict[str, Any], *extractors: tuple[str, str], **prices: str) -> dict[str, Any]:
    listed = [{"provider_id": provider, "api_flavor": flavor, **prices} for provider, flavor in extractors]
    return {"body": body, "extracted": [{"usage": {}, "extractors": listed}]}


ENTRIES = [
    entry(CHAT_BODY, ("openai", "chat"), ("azure", "embeddings"), input_price="0.002", output_price="0.001"),
    entry(CHAT_BODY, ("anthropic", "chat")),
    entry({"usage": {"inputTokens": 5}}, ("aws", "default")),
    entry({"usage": {"prompt_tokens": 5}}, ("openai", "chat")),
    entry({"model": "gpt-4o", "usage": {"prompt_tokens": "5"}}, ("openai", "chat")),
    entry({"modelVersion": "gemini-2.5-flash", "usageMetadata": {"promptTokenCount": 1000}}, ("google", "default")),
]


@pytest.fixture
def usages(tmp_path: Path) -> Path:
    path = tmp_path / "usages.json.gz"
    path.write_bytes(gzip.compress(json.dumps(ENTRIES).encode()))
    return path


def lines(path: Path) -> list[tuple[str, ...]]:
    with path.open(newline="") as file:
        return [tuple(line) for line in csv.reader(file)]


def test_every_body_is_priced_for_every_extractor(usages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = usages.with_name("out.csv")
    assert run(["evaluate", "cost", "--usages", str(usages), "--output", str(output)]) == 0
    assert lines(output) == [
        COLUMNS,
        ("0", "openai", "chat", "gpt-4o", "0.002", "0.001"),
        ("0", "azure", "embeddings", "gpt-4o", "0.0025", "0"),
        ("1", "anthropic", "chat", "gpt-4o", "", ""),
        ("2", "aws", "default", "", "", ""),
        ("3", "openai", "chat", "", "", ""),
        ("4", "openai", "chat", "gpt-4o", "", ""),
        ("5", "google", "default", "gemini-2.5-flash", "0.0003", "0"),
    ]
    said = capsys.readouterr().out
    assert "7 rows of 6 bodies, 3 of them priced" in said
    assert "1 not priced: no published price" in said
    assert "1 not priced: usage.prompt_tokens: expected `int`, got `str`" in said


def test_what_the_file_states_is_only_compared(usages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = usages.with_name("out.csv")
    command = ["evaluate", "cost", "--usages", str(usages), "--output", str(output), "--compare"]
    assert run([*command, "--json"]) == 0
    report = orjson.loads(capsys.readouterr().out)
    assert report["compared"] == [
        {"provider": "openai", "api_flavor": "chat", "stated": 1, "exact": 1},
        {"provider": "azure", "api_flavor": "embeddings", "stated": 1, "exact": 0},
    ]
    assert (report["bodies"], report["rows"], report["priced"], report["day"]) == (6, 7, 3, RECORDED_ON)
    assert run(command) == 0
    assert "100.0 %" in capsys.readouterr().out


def test_the_day_decides_the_price(usages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = {"model": "gpt-5.6-sol", "usage": {"input_tokens": 1000, "output_tokens": 0}}
    usages.write_text(json.dumps([entry(body, ("openai", "responses"))]))
    output = usages.with_name("out.csv")
    for day, price in (("2026-08-20", "0.005"), ("2026-08-21", "0.004")):
        assert run(["evaluate", "cost", "--usages", str(usages), "--output", str(output), "--at", day]) == 0
        assert lines(output)[1][4] == price
    capsys.readouterr()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is not JSON"),
        (b"\x1f\x8bnonsense", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"{}", "holds no list"),
        (b'[{"body": {}}]', "every entry needs body"),
        (b"[3]", "every entry needs body"),
    ],
)
def test_a_wrong_file_is_one_clear_line(
    content: bytes, words: str, usages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usages.write_bytes(content)
    assert run(["evaluate", "cost", "--usages", str(usages), "--output", str(usages.with_name("o.csv"))]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.splitlines()) == 1


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "none.json"
    assert run(["evaluate", "cost", "--usages", str(missing), "--output", str(tmp_path / "out.csv")]) == 2
    assert f"--usages {missing}: No such file" in capsys.readouterr().err


@pytest.mark.skipif(not USAGES.exists(), reason="the recorded usages are not beside the project")
def test_recorded_bills_are_priced_to_the_last_digit() -> None:
    entries = read_bodies(USAGES)
    rows, wanted = list(price_bodies(entries, date.fromisoformat(RECORDED_ON))), stated(entries)
    ours = [line for line in comparison(rows, wanted) if line["provider"] in {"openai", "anthropic"}]
    told, exact = sum(line["stated"] for line in ours), sum(line["exact"] for line in ours)
    assert told > 300
    assert Decimal(exact) / told >= Decimal("0.99")
    extracted = [group["usage"] for item in entries for group in item["extracted"] for _ in group["extractors"]]
    cached = [
        (row, price)
        for row, price, usage in zip(rows, wanted, extracted, strict=True)
        if price is not None and any(name.startswith("cache_") for name in usage)
    ]
    assert len(cached) > 50
    assert [row for row, price in cached if row.cost != price] == []
