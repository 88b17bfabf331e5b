from __future__ import annotations

import re
from pathlib import Path

import pytest

from schemas.errors import ConfigurationError
from streams.warehouse.migrations import read_migrations, statements_of

OURS = read_migrations()
TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)\n\(.*\)\nENGINE = ReplacingMergeTree", re.DOTALL)
REPLACING = [found[1] for each in OURS for statement in each.statements if (found := TABLE.match(statement))]
"""Tables in which a row that is written again takes the place of itself."""
REPEATABLE = re.compile(
    r"CREATE ((TABLE|VIEW|MATERIALIZED VIEW) IF NOT EXISTS|OR REPLACE VIEW) "
    r"|ALTER TABLE \w+ ((ADD|DROP) \w+ IF |MODIFY (COLUMN|QUERY)\s)"
    r"|DROP VIEW IF EXISTS |TRUNCATE TABLE usage_store$"
    r"|ALTER TABLE endings_store\nUPDATE savings_usd = mapFilter\("  # leaves nothing to be filtered again
    rf"|INSERT INTO ({'|'.join(REPLACING)})\s"
)


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).write_text("SELECT 1;\n")
    return folder


def test_file_is_split_at_semicolons_that_end_a_line() -> None:
    sql = "-- one; two\nCREATE TABLE a\n(\n    b String DEFAULT ';' -- why\n);\n\nSELECT ';'; \nSELECT 3"
    assert statements_of(sql) == ("CREATE TABLE a\n(\n    b String DEFAULT ';' -- why\n)", "SELECT ';'", "SELECT 3")


def test_file_of_comments_has_no_statement() -> None:
    assert statements_of("-- nothing\n\n  -- yet;\n") == ()


def test_migrations_come_in_order_with_a_checksum_each(tmp_path: Path) -> None:
    found = read_migrations(write(tmp_path, "0002_b.sql", "0001_a.sql"))
    assert [(each.number, each.name) for each in found] == [(1, "0001_a"), (2, "0002_b")]
    assert found[0].checksum == found[1].checksum
    (tmp_path / "0002_b.sql").write_text("SELECT 2;\n")
    assert read_migrations(tmp_path)[1].checksum != found[1].checksum


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("0001_a.sql", "0003_c.sql"), "0003_c.sql: number 0002 comes next"),
        (("0001_a.sql", "0001_b.sql"), "0001_b.sql: number 0002 comes next"),
        (("first.sql",), "first.sql: name it NNNN_title.sql"),
    ],
)
def test_disorder_is_named(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read_migrations(write(tmp_path, *names))


@pytest.mark.parametrize(
    "statement", [statement for each in OURS for statement in each.statements], ids=lambda text: text[:60]
)
def test_every_statement_may_run_twice(statement: str) -> None:
    assert REPEATABLE.match(statement)


def test_no_money_is_a_float() -> None:
    columns = [line.strip() for each in OURS for statement in each.statements for line in statement.splitlines()]
    money = [line for line in columns if re.match(r"\w+_usd\b(?! AS)", line) and " CODEC" in line]
    assert len(money) >= 6
    assert all("Decimal(38, 18)" in line for line in money)
