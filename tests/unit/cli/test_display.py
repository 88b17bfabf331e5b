from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from streams.cli.display import dollars, duration, emit_json, plain_table, program, saved_share


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0"),
        ("0.0000098", "$0.0000098"),
        ("0.00125", "$0.001250"),
        ("0.3693", "$0.3693"),
        ("4.2312", "$4.23"),
        ("12345.678", "$12,345.68"),
        ("-0.5", "$-0.5000"),
    ],
)
def test_amounts_keep_the_digits_that_matter(amount: str, text: str) -> None:
    assert dollars(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0204, "20 ms"), (1.52, "1.5 s"), (59.9, "59.9 s"), (75, "1 min 15 s"), (3725, "1 h 2 min")],
)
def test_durations_are_read_at_a_glance(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("cost", "baseline", "text"),
    [
        ("1", "10", "90 % less"),
        ("12", "10", "20 % more"),
        ("1", "0", "no baseline"),
        ("10", "10", "0 % less"),
        ("3", "1000", "99.7 % less"),
        ("1", "1e9", "99.9 % less"),
        ("0", "10", "100 % less"),
        ("997", "1000", "0.3 % less"),
    ],
)
def test_savings_are_said_in_words(cost: str, baseline: str, text: str) -> None:
    assert saved_share(Decimal(cost), Decimal(baseline)) == text


def test_money_stays_exact_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json({"cost": Decimal("0.000000000000000001"), "at": datetime(2026, 1, 1, tzinfo=UTC)})
    assert orjson.loads(capsys.readouterr().out) == {
        "cost": "0.000000000000000001",
        "at": "2026-01-01T00:00:00+00:00",
    }


def test_what_has_no_place_in_json_is_an_error() -> None:
    with pytest.raises(TypeError):
        emit_json({"what": object()})


def test_only_the_last_column_of_a_table_is_folded() -> None:
    table = plain_table("id", "reason", right=("id",))
    table.add_row("asahi.requests/3/17/0", "word " * 20)
    narrow = Console(width=50, no_color=True)
    with narrow.capture() as captured:
        narrow.print(table)
    lines = captured.get().splitlines()
    assert lines[1].startswith("asahi.requests/3/17/0  word")
    assert len(lines) > 3


def test_what_to_type_depends_on_where_the_program_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("sys.executable", str(tmp_path / "venv" / "bin" / "python"))
    assert program() == f"{tmp_path}/venv/bin/python -m streams.cli"
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "asahi").touch()
    monkeypatch.chdir(tmp_path)
    assert program() == "venv/bin/asahi"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert program() == f"{tmp_path}/venv/bin/asahi"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "asahi").touch(mode=0o755)
    assert program() == "asahi"


def test_lines_of_a_table_end_where_their_text_does() -> None:
    table = plain_table("name", "count", "what", right=("count",))
    table.add_row("[green]a[/green]", "1", "a long remark")
    table.add_row("longer", "1,000", "[bold]b[/bold]")
    table.add_row("empty", "", "")
    console = Console(file=StringIO(), width=40, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(table)
    lines = captured.get().splitlines()
    assert lines == [line.rstrip() for line in lines]
    assert [line.split() for line in lines] == [
        ["name", "count", "what"],
        ["a", "1", "a", "long", "remark"],
        ["longer", "1,000", "b"],
        ["empty"],
    ]
