"""What a statement is, told from its tokens: enough to find inserted data and the FORMAT clause, no parser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from streams.embedded.clickhouse.errors import ClickHouseError

_TOKEN = re.compile(
    rb"""
      (?P<space>\s+|--[^\n]*|/\*.*?\*/|\#[ !][^\n]*)
    | (?P<string>'(?:[^'\\]|\\.|'')*')
    | (?P<quoted>"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`)
    | (?P<heredoc>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<word>[\w$]+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_DATA_GAP = re.compile(rb"[ \t\f]*(?:\r?\n)?")

_READS = frozenset(
    (b"SELECT", b"WITH", b"FROM", b"SHOW", b"DESCRIBE", b"DESC", b"EXPLAIN", b"EXISTS", b"CHECK", b"VALUES")
)
_STREAMED = frozenset((b"SELECT", b"WITH", b"FROM"))
_STATEFUL = frozenset((b"SET", b"USE"))
_AFTER_THESE_COMES_A_NAME = frozenset((b"INTO", b"TABLE", b"FUNCTION"))


class Kind(Enum):
    """How a statement travels through the engine."""

    READ = "read"
    INSERT = "insert"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, taken apart.

    Attributes:
        kind: READ has a result to stream, INSERT has rows following it, COMMAND is everything else.
        text: The statement without FORMAT clause, inserted rows and closing semicolon.
        tail: What followed the FORMAT clause of a read (a SETTINGS clause), or the rows of an insert so far.
        format: The name in its FORMAT clause, or None.
        touches_session: It changes the session it runs in: SET, USE, a temporary table.
        streams: The engine can hand out its result block by block; SHOW and the like come whole.
    """

    kind: Kind
    text: bytes
    tail: bytes = b""
    format: str | None = None
    touches_session: bool = False
    streams: bool = False

    @property
    def changes_database(self) -> bool:
        """Whether it is a USE statement."""
        return self.touches_session and self.text.lstrip()[:3].upper() == b"USE"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    value: bytes
    start: int
    end: int
    depth: int


def _tokens(sql: bytes) -> list[_Token]:
    depth = 0
    found = []
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or "other"
        if kind == "space":
            continue
        value = match.group()
        if value in b")]}" and kind == "other":
            depth -= 1
        found.append(_Token(kind, value.upper() if kind == "word" else value, match.start(), match.end(), depth))
        if value in b"([{" and kind == "other":
            depth += 1
    return found


def parse(sql: bytes) -> Statement:
    """Take a statement apart.

    Args:
        sql: The statement; of an insert at least everything up to its rows.

    Raises:
        ClickHouseError: It writes or reads files on the server, or there is more than one statement.
    """
    insert = _parse_insert(sql)
    if insert is not None:
        return insert
    tokens = _tokens(sql)
    if not tokens:
        return Statement(Kind.COMMAND, sql)
    while tokens and tokens[-1].value == b";":
        tokens.pop()
    _refuse_many(tokens)
    end = tokens[-1].end if tokens else len(sql)
    first = next((token.value for token in tokens if token.kind == "word"), b"")
    words = {token.value for token in tokens if token.kind == "word"}
    stateful = first in _STATEFUL or b"TEMPORARY" in words or b"TEMP" in words
    if first not in _READS:
        return Statement(Kind.COMMAND, sql[:end], touches_session=stateful)
    _refuse_files(tokens)
    clause = _format_clause(tokens)
    if clause is None:
        return Statement(Kind.READ, sql[:end], touches_session=stateful, streams=first in _STREAMED)
    keyword, name = clause
    return Statement(
        Kind.READ,
        sql[: keyword.start],
        sql[name.end : end],
        sql[name.start : name.end].decode(),
        stateful,
        first in _STREAMED,
    )


def _refuse_many(tokens: list[_Token]) -> None:
    for token in tokens:
        if token.value == b";" and token.depth == 0:
            raise ClickHouseError(
                62,
                "SYNTAX_ERROR",
                f"Syntax error (Multi-statements are not allowed): failed at position {token.start + 1} "
                f"(end of query)",
            )


def _refuse_files(tokens: list[_Token]) -> None:
    for token, following in pairwise(tokens):
        if token.value == b"INTO" and following.value == b"OUTFILE" and token.depth == 0:
            raise ClickHouseError(358, "INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed")


def _format_clause(tokens: list[_Token]) -> tuple[_Token, _Token] | None:
    for index in range(len(tokens) - 2, 0, -1):
        keyword, name = tokens[index], tokens[index + 1]
        if keyword.value != b"FORMAT" or keyword.kind != "word" or keyword.depth != 0 or name.kind != "word":
            continue
        rest = tokens[index + 2 :]
        if not rest or rest[0].value == b"SETTINGS":
            return keyword, name
    return None


def _parse_insert(sql: bytes) -> Statement | None:  # noqa: C901 - one pass over one grammar rule
    previous = b""
    depth = 0
    inserting = False
    selecting = False
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup
        if kind == "space":
            continue
        value = match.group()
        if kind == "word":
            value = value.upper()
        if not inserting:
            if value == b"INSERT" and depth == 0:
                inserting = True
            elif not previous and value != b"WITH":
                return None
            elif kind == "other":
                depth += (value in b"([{") - (value in b")]}")
        elif previous == b"INSERT" and value not in (b"INTO", b"TABLE", b"FUNCTION"):
            return None  # WITH ... SELECT insert: only a name
        elif kind == "other":
            depth += (value in b"([{") - (value in b")]}")
        elif kind == "word" and previous not in _AFTER_THESE_COMES_A_NAME and previous != b".":
            if value in (b"SELECT", b"WITH") and (depth == 0 or previous == b"("):
                selecting = True
                if b"input" not in sql[match.end() :].lower():
                    return Statement(Kind.COMMAND, sql.rstrip(b"; \t\r\n"))
            elif depth == 0 and value == b"INFILE" and previous == b"FROM":
                raise ClickHouseError(78, "UNKNOWN_TYPE_OF_QUERY", "FROM INFILE is not allowed")
            elif depth == 0 and value == b"VALUES" and not selecting:
                return Statement(Kind.INSERT, sql[: match.start()], sql[match.end() :], "Values")
            elif depth == 0 and value == b"FORMAT":
                return _insert_with_format(sql, match.start(), match.end(), selecting)
        previous = value
    return Statement(Kind.COMMAND, sql.rstrip(b"; \t\r\n")) if inserting else None


def _insert_with_format(sql: bytes, start: int, end: int, selecting: bool) -> Statement | None:
    name = re.compile(rb"\s*(\w+)").match(sql, end)
    if name is None:
        return Statement(Kind.COMMAND, sql)
    if selecting:  # INSERT ... SELECT ... FROM input(...): the engine takes it whole, rows and all
        return Statement(Kind.COMMAND, sql)
    gap = _DATA_GAP.match(sql, name.end())
    rows = gap.end() if gap and name.group(1).upper() != b"VALUES" else name.end()
    return Statement(Kind.INSERT, sql[:start], sql[rows:], name.group(1).decode())
