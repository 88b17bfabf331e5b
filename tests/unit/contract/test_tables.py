"""The tables in the docs show every field, setting and topic."""

from __future__ import annotations

from functools import cache

import pytest

from schemas.section import Section
from schemas.settings import Settings, load_settings
from streams.contract.tables import TABLES
from streams.topics import PUBLIC


@cache
def rows(name: str) -> dict[str, list[str]]:
    """Return the cells of each row by its first, without the head."""
    lines = TABLES[name]().splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_topics() -> None:
    table = rows("topics")
    assert list(table) == [topic.name for topic in PUBLIC]
    assert table["asahi.requests"][-1] == "168 h"
    assert table["asahi.governance"][-2:] == ["1", "the newest per key"]


def test_fields_with_their_parts() -> None:
    table = rows("requests")
    assert table["id"][:2] == ["string, at most 200 characters", "required"]
    assert table["messages"][0] == "list of object, at least 1"
    assert table["messages[].content"][0] == "string or list of object"
    assert table["constraints.deadline"][0] == "time, RFC 3339"
    assert table["sampling.temperature"][0] == "number, ≥ 0, ≤ 2"
    assert table["mode"][:2] == ["`autopilot`, `guided`, `explicit`", '`"autopilot"`']
    assert table["version"][0] == "`1`"


def test_every_setting_is_listed() -> None:
    table = rows("settings")
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, Section):
            assert {f"{name}.{key}" for key in type(field.default).model_fields} <= table.keys()
        else:
            assert name in table
    assert table["kafka.idempotent_producer"][1] == "`true`"
    assert table["clickhouse.password"][1] == "empty"
    assert table["providers.<name>.kind"][1] == "required"


def test_variables_set_what_they_stand_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {
        "kafka.compression": "gzip",
        "worker.log_level": "DEBUG",
        "routing.strategy": "utility",
        "routing.detect_tasks": "never",
        "windows.batch_lane": "true",
        "governance.signatures": "required",
        "semantic.enabled": "true",
        "vectors.engine": "annoy",
        "analytics.least_times": "2.5",
        "prefixes.write_factor": "1.5",
        "prefixes.markers": "3",
    }
    other = {bool: "false", int: "17", float: "0.75"}
    names = [name for name in rows("settings") if "." in name and "<" not in name]
    before = load_settings()
    for name in names:
        value = chosen.get(name) or other.get(type(setting(before, name)), "other")
        monkeypatch.setenv(rows("settings")[name][0].strip("`"), value)
    after = load_settings()
    assert [name for name in names if setting(after, name) == setting(before, name)] == []


def setting(settings: Settings, name: str) -> object:
    section, _, key = name.partition(".")
    return getattr(getattr(settings, section), key)
