from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.logs import CHATTY, JsonFormatter, configure_logging


def record(message: str = "hello", *args: object, **extra: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "streams.x", "levelname": "INFO", "msg": message, "args": args})
    made.created = 1_700_000_000.25
    vars(made).update(extra)
    return made


def line(made: logging.LogRecord) -> dict[str, Any]:
    text = JsonFormatter().format(made)
    assert "\n" not in text
    shown = json.loads(text)
    assert isinstance(shown, dict)
    return shown


def test_a_record_is_one_json_object_with_what_came_in_extra() -> None:
    assert line(record("%d of %s", 3, "x", partitions=8, cost=Decimal("0.10"))) == {
        "time": "2023-11-14T22:13:20.250+00:00",
        "level": "INFO",
        "logger": "streams.x",
        "message": "3 of x",
        "partitions": 8,
        "cost": "0.10",
    }


def test_an_exception_is_shown_with_its_traceback() -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        made = record(exc_info=sys.exc_info())
    shown = line(made)
    assert "ZeroDivisionError" in shown["traceback"]
    assert "exc_info" not in shown


def test_arguments_that_do_not_fit_the_text_are_shown_beside_it() -> None:
    assert line(record("%d requests", "many"))["message"] == "%d requests ('many',)"


def test_rings_and_depths_are_outlined() -> None:
    ring: list[object] = []
    ring.append(ring)
    deep: object = 0
    for _ in range(100_000):
        deep = [deep]
    shown = line(record(ring=ring, deep=deep, pairs={(1, 2): 3}, near="x"))
    assert "..." in shown["ring"]
    assert "..." in shown["deep"]
    assert shown["pairs"] == "{(1, 2): 3}"
    assert shown["near"] == "x"


plain = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.decimals(allow_nan=False)
)
nested = st.recursive(
    plain,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(plain, inner, max_size=3), st.tuples(inner)),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.text(), st.lists(nested, max_size=2), nested)
def test_it_never_raises_and_always_shows_the_extra(message: str, args: list[object], extra: object) -> None:
    shown = line(record(message, *args, detail=extra))
    assert shown["level"] == "INFO"
    assert "detail" in shown


@pytest.fixture
def restored_logging() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("", *CHATTY)]
    levels = [logger.level for logger in loggers]
    root = loggers[0]
    handlers, root.handlers = root.handlers, []
    yield
    root.handlers = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.usefixtures("restored_logging")
def test_our_logs_go_to_stderr_and_libraries_speak_from_warning_on(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    logging.getLogger("streams.x").info("ours", extra={"partition": 3})
    logging.getLogger("streams.x").debug("too quiet")
    logging.getLogger("aiokafka.consumer").info("theirs")
    logging.getLogger("aiokafka.consumer").warning("theirs, but serious")
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [json.loads(text) for text in captured.err.splitlines()]
    assert [entry["message"] for entry in lines] == ["ours", "theirs, but serious"]
    assert lines[0]["partition"] == 3
