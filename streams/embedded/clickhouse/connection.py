"""Connections to the engine: run statements, stream results, take inserts.

A connection is a session of its own (settings, current database, temporary tables) and costs about 0.1 ms to
open, so every request gets a fresh one and nothing leaks between requests. Calls release the GIL: connections
run in parallel, one thread each.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from streams.embedded.clickhouse.errors import from_engine

logger = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(slots=True)
class Counters:
    """What a statement read and wrote, for `X-ClickHouse-Summary`."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0


def quote(text: str) -> str:
    """A string literal of ClickHouse's SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(text: str) -> str:
    """An identifier of ClickHouse's SQL."""
    return "`" + text.replace("\\", "\\\\").replace("`", "\\`") + "`"


class Insert:
    """An insert under way: bytes in the insert's format go in, a count of rows comes out."""

    def __init__(self, raw: Any, header: bytes, format_name: str) -> None:
        self._raw = raw
        try:
            self._handle = raw.send_insert(header, format_name)
        except RuntimeError as error:
            raise from_engine(error) from None

    def append(self, data: bytes) -> bool:
        """Hand over the next bytes; blocks while the engine is behind. False: it failed, `finish` says why."""
        try:
            self._raw.insert_append(self._handle, data)
        except RuntimeError:
            return False
        return True

    def finish(self) -> Counters:
        """Commit what was appended."""
        try:
            result = self._raw.insert_done(self._handle)
        except RuntimeError as error:
            raise from_engine(error) from None
        return Counters(written_rows=result.rows_written(), written_bytes=result.bytes_written())

    def cancel(self) -> None:
        """Give up; rows of blocks that were full already stay."""
        try:
            self._raw.insert_cancel(self._handle)
        except RuntimeError:
            logger.warning("the engine did not cancel an insert", exc_info=True)


class EngineConnection:
    """One session of the engine. Not thread-safe: one thread at a time."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.counters = Counters()

    def run(
        self, sql: bytes | str, format_name: str = "TabSeparated", params: Mapping[str, str] | None = None
    ) -> bytes:
        """Run a statement to its end and return its whole, small, result."""
        try:
            result = self._raw.query(sql, format_name, params=params or {})
        except RuntimeError as error:
            raise from_engine(error) from None
        self._count(result)
        data: bytes = result.bytes()
        return data

    def blocks(self, sql: bytes, format_name: str, params: Mapping[str, str]) -> Generator[bytes, None, None]:
        """Run a query and yield its result block by block, each formatted on its own."""
        stream = None
        try:
            stream = self._raw.send_query(sql, format_name, params=params)
            while True:
                block = self._raw.streaming_fetch_result(stream)
                if block is None:
                    break
                data: bytes = block.bytes()
                if not data:
                    break
                self._count(block)
                yield data
            stream = None
        except RuntimeError as error:
            stream = None
            raise from_engine(error) from None
        finally:
            if stream is not None:  # abandoned half-way
                self._raw.streaming_cancel_query(stream)

    def insert(self, header: bytes, format_name: str) -> Insert:
        """Begin an insert whose rows come separately."""
        return Insert(self._raw, header, format_name)

    def set(self, values: Mapping[str, str]) -> None:
        """Apply settings to this session.

        Raises:
            ClickHouseError: A setting is unknown or its value wrong.
        """
        if values:
            pairs = ", ".join(f"{setting_name(name)} = {quote(value)}" for name, value in values.items())
            self.run("SET " + pairs)

    def override(self, values: Mapping[str, str]) -> dict[str, str | None]:
        """Apply settings for one statement.

        Returns:
            What `set_back` needs afterwards: the values the session had set itself, None for defaults.
        """
        before: dict[str, str | None] = dict.fromkeys(values)
        if values:
            names = ", ".join(map(quote, values))
            own = self.run(
                f"SELECT name, value FROM system.settings WHERE changed AND name IN ({names})",  # noqa: S608 - quoted
                "JSONCompact",
            )
            before.update(dict(json.loads(own)["data"]))
            self.set(values)
        return before

    def set_back(self, before: Mapping[str, str | None]) -> None:
        """Undo `override`."""
        defaults = [f"{setting_name(name)} = DEFAULT" for name, value in before.items() if value is None]
        if before.get("readonly", "") is None:  # first: nothing else may be changed as long as it is on
            self.run("SET readonly = 0")
        if defaults:
            self.run("SET " + ", ".join(defaults))
        self.set({name: value for name, value in before.items() if value is not None})

    def close(self) -> None:
        """End the session."""
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _count(self, result: Any) -> None:
        counters = self.counters
        counters.read_rows += result.storage_rows_read()
        counters.read_bytes += result.storage_bytes_read()
        counters.written_rows += result.rows_written()
        counters.written_bytes += result.bytes_written()
        counters.result_rows += result.rows_read()


def setting_name(name: str) -> str:
    """The name of a setting, safe to stand in a statement."""
    return name if _NAME.fullmatch(name) else quote_name(name)
