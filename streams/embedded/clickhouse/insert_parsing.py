"""Taking inserts apart: the statement, the format and the rows that follow it in the same body."""

from __future__ import annotations

import re
from collections.abc import Iterator

from streams.embedded.clickhouse.errors import ClickHouseError
from streams.embedded.clickhouse.statement import Kind, Statement
from streams.embedded.clickhouse.tokens import Token, tokens

_NAMES_FOLLOW = frozenset((b"INTO", b"TABLE", b"FUNCTION", b"."))
_TARGETS = frozenset((b"INTO", b"TABLE", b"FUNCTION"))
_FORMAT_NAME = re.compile(rb"\s*(\w+)")
_DATA_GAP = re.compile(rb"[ \t\f]*(?:\r?\n)?")
_VALUES = "Values"


def parse_insert(sql: bytes) -> Statement | None:
    """Take an insert apart; None if the statement is something else.

    Raises:
        ClickHouseError: It reads a file of the server, or rows of no known format.
    """
    stream = tokens(sql)
    if not _reach_insert(stream):
        return None
    previous, previous_start = b"INTO", 0
    selecting = False
    input_call: tuple[int, int] | None = None
    for token in stream:
        is_keyword = token.kind == "word" and previous not in _NAMES_FOLLOW
        if is_keyword and token.is_word(b"FORMAT") and (name := _FORMAT_NAME.match(sql, token.end)):
            return _with_format(sql, token.start, name, selecting, input_call)
        if is_keyword and token.is_word(b"VALUES") and not selecting:
            return Statement(Kind.INSERT, sql[: token.start], sql[token.end :], _VALUES)
        if is_keyword and token.is_word(b"INFILE") and previous == b"FROM":
            raise ClickHouseError(78, "UNKNOWN_TYPE_OF_QUERY", "FROM INFILE is not allowed")
        selecting |= is_keyword and token.value in (b"SELECT", b"WITH") and (token.depth == 0 or previous == b"(")
        if selecting and token.value == b"(" and previous == b"INPUT":
            input_call = (previous_start, token.end)
        previous, previous_start = token.value, token.start
    if input_call is not None:
        raise ClickHouseError(477, "INVALID_USAGE_OF_INPUT", "FORMAT must be specified for function input()")
    return Statement(Kind.COMMAND, sql.rstrip(b"; \t\r\n"))


def _reach_insert(stream: Iterator[Token]) -> bool:
    """Advance to what is inserted into; a WITH may come before it."""
    inserting = False
    for number, token in enumerate(stream):
        if inserting and token.value in _TARGETS:
            return True
        inserting = token.is_word(b"INSERT")
        if number == 0 and not inserting and not token.is_word(b"WITH"):
            return False
    return False


def _with_format(
    sql: bytes, start: int, name: re.Match[bytes], selecting: bool, input_call: tuple[int, int] | None
) -> Statement:
    if selecting and input_call is None:
        return Statement(Kind.COMMAND, sql)
    format_name = name.group(1).decode()
    gap = _DATA_GAP.match(sql, name.end())
    rows = name.end() if gap is None or format_name.lower() == _VALUES.lower() else gap.end()
    return Statement(Kind.INSERT, sql[:start], sql[rows:], format_name, input_call=input_call)
