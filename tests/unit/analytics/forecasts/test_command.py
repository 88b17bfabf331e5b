from __future__ import annotations

import csv
import gzip
from pathlib import Path

import orjson
import pytest

from agents.analytics.forecasts.command import COLUMNS
from streams.cli.app import run
from tests.unit.analytics.forecasts.made import weekly


def evaluate(file: Path, *more: object) -> int:
    output = file.with_name("out.csv")
    command = ["evaluate", "forecast", "--series", file, "--output", output, "--methods", 2, *more]
    return run([str(word) for word in command])


def written(file: Path) -> list[dict[str, str]]:
    with file.with_name("out.csv").open(newline="") as opened:
        reader = csv.DictReader(opened)
        assert tuple(reader.fieldnames or ()) == COLUMNS
        return list(reader)


def given(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "series.csv.gz"
    file.write_bytes(gzip.compress("\n".join(["series,timestamp,value", *lines]).encode()))
    return file


def days(name: str, count: int) -> list[str]:
    return [f"{name},2024-01-{day:02d},{value}" for day, value in enumerate(weekly(count), 1)]


def test_every_series_is_carried_on_in_its_own_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hours = [f"hours,2024-01-01T{hour:02d}:00:00Z,{hour % 5}" for hour in range(20)]
    file = given(tmp_path, *days("days", 30), *hours)
    assert evaluate(file, "--horizon", 3) == 0
    rows = written(file)
    assert [(row["series"], row["timestamp"]) for row in rows] == [
        ("days", "2024-01-31"),
        ("days", "2024-02-01"),
        ("days", "2024-02-02"),
        ("hours", "2024-01-01T20:00:00Z"),
        ("hours", "2024-01-01T21:00:00Z"),
        ("hours", "2024-01-01T22:00:00Z"),
    ]
    assert all(float(row["lower"]) <= float(row["mean"]) <= float(row["upper"]) for row in rows)
    assert "forecast 2 of 2 series" in capsys.readouterr().out


def test_one_bad_series_spares_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = ["bad,2024-01-01,1", "bad,2024-01-02,much", "worse,yesterday,1", "worst,2024-01-01,inf", "one,2024,1"]
    file = given(tmp_path, *bad, *days("good", 30))
    assert evaluate(file, "--horizon", 2) == 1
    assert {row["series"] for row in written(file)} == {"good"}
    said = capsys.readouterr().err
    assert "series 'bad': line 3: value 'much' is no number; write it as 12.5" in said
    assert "series 'worse': line 4: timestamp 'yesterday' is none of ISO 8601; write it as" in said
    assert "series 'worst': line 5: value 'inf' is not finite" in said
    assert "series 'one': timestamp: one point alone" in said


def test_programs_read_what_was_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = given(tmp_path, *days("good", 31), "end,9999-12-30,1", "end,9999-12-31,2")
    assert evaluate(file, "--horizon", 2, "--json") == 1
    report = orjson.loads(capsys.readouterr().out)
    good, end = report["each"]
    assert (report["series"], report["failed"], good["series"], good["season"]) == (2, 1, "good", 7)
    assert good["method"]
    assert 0 < good["mase"] < 3
    assert "beyond the year 9999" in end["error"]


def test_a_file_without_the_columns_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "series.csv"
    file.write_text("series,time,value\na,2024-01-01,1\n")
    assert evaluate(file, "--horizon", 2) == 2
    assert "column 'timestamp' is missing; its header must name series, timestamp, value" in capsys.readouterr().err
