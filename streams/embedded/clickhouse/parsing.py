"""Taking statements apart by their tokens: no grammar, the engine has one."""

from __future__ import annotations

from itertools import pairwise

from streams.embedded.clickhouse.errors import ClickHouseError
from streams.embedded.clickhouse.insert_parsing import parse_insert
from streams.embedded.clickhouse.statement import Kind, Statement
from streams.embedded.clickhouse.tokens import Token, tokens

_READS = frozenset(
    (b"SELECT", b"WITH", b"FROM", b"SHOW", b"DESCRIBE", b"DESC", b"EXPLAIN", b"EXISTS", b"CHECK", b"VALUES")
)
_STREAMED = frozenset((b"SELECT", b"WITH", b"FROM"))
_STATEFUL = frozenset((b"SET", b"USE"))


def parse(sql: bytes) -> Statement:
    """Take a statement apart.

    Args:
        sql: The statement; of an insert at least everything up to its rows.

    Raises:
        ClickHouseError: It writes or reads files on the server, or there is more than one statement.
    """
    insert = parse_insert(sql)
    if insert is not None:
        return insert
    found = list(tokens(sql))
    if not found:
        return Statement(Kind.COMMAND, sql)
    while found and found[-1].value == b";":
        found.pop()
    _refuse_many(found)
    end = found[-1].end if found else len(sql)
    first = next((token.value for token in found if token.kind == "word"), b"")
    words = {token.value for token in found if token.kind == "word"}
    stateful = first in _STATEFUL or b"TEMPORARY" in words or b"TEMP" in words
    if first not in _READS:
        return Statement(Kind.COMMAND, sql[:end], touches_session=stateful)
    _refuse_files(found)
    clause = _format_clause(found)
    if clause is None:
        return Statement(Kind.READ, sql[:end], touches_session=stateful, streams=first in _STREAMED)
    keyword, name = clause
    return Statement(
        Kind.READ,
        sql[: keyword.start],
        b"\n" + sql[name.end : end] if name.end < end else b"",  # the text before it may end in a comment
        sql[name.start : name.end].decode(),
        stateful,
        first in _STREAMED,
    )


def _refuse_many(found: list[Token]) -> None:
    for token in found:
        if token.value == b";" and token.depth == 0:
            raise ClickHouseError(
                62,
                "SYNTAX_ERROR",
                f"Syntax error (Multi-statements are not allowed): failed at position {token.start + 1} "
                f"(end of query)",
            )


def _refuse_files(found: list[Token]) -> None:
    for token, following in pairwise(found):
        if token.value == b"INTO" and following.value == b"OUTFILE" and token.depth == 0:
            raise ClickHouseError(358, "INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed")


def _format_clause(found: list[Token]) -> tuple[Token, Token] | None:
    for index in range(len(found) - 2, 0, -1):
        keyword, name = found[index], found[index + 1]
        if not keyword.is_word(b"FORMAT") or name.kind != "word":
            continue
        rest = found[index + 2 :]
        if not rest or rest[0].value == b"SETTINGS":
            return keyword, name
    return None
