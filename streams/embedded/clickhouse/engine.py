"""The ClickHouse engine in this process: connections that run statements, stream results and take inserts.

A connection is a session of its own (settings, current database, temporary tables) and costs about 0.1 ms to
open, so every request gets a fresh one and nothing leaks between requests. Calls release the GIL: connections
run in parallel, one thread each.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from schemas.errors import EmbeddedServiceError
from streams.embedded.clickhouse.config import SPOOL_DIRECTORY, EndpointConfig
from streams.embedded.clickhouse.engine_config import write_engine_config
from streams.embedded.clickhouse.errors import from_engine
from streams.embedded.clickhouse.query_id import QUERY_LOG_VIEW

logger = logging.getLogger(__name__)

# what chdb sets that a server does not; the rest of its defaults are the server's
_SERVER_DEFAULTS = {"implicit_select": "0", "allow_introspection_functions": "0"}
# values that can stand in a connection string, where "&" would end them and an empty one means "1"
_PLAIN = re.compile(r"[\w.,:/+\-]+", re.ASCII)
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


class Engine:
    """Owns the data directory from `start` to `stop`."""

    def __init__(self, config: EndpointConfig) -> None:
        self._config = config
        self._anchor: EngineConnection | None = None
        self.version = ""
        self.timezone = ""
        self.host_name = ""

    def start(self) -> None:
        """Open the data directory, recovering what an earlier process left.

        Raises:
            EmbeddedServiceError: The directory cannot be opened, most often because a process owns it.
        """
        config = self._config
        (config.path / SPOOL_DIRECTORY).mkdir(parents=True, exist_ok=True)
        for leftover in (config.path / SPOOL_DIRECTORY).iterdir():
            leftover.unlink()
        from chdb import _chdb  # importing it starts an engine: not before the process is set up

        # a crash of the engine has to end this process, so that it is started again: chdb's handlers would catch
        # the signal, and leave a process that answers every query with code 236
        _chdb.reset_signal_handlers()  # type: ignore[attr-defined]  # not in its stubs
        _chdb.set_signal_handlers_enabled(0)  # type: ignore[attr-defined]
        faulthandler.enable()
        self._connect_raw: Callable[[str], Any] = _chdb.connect  # type: ignore[attr-defined]  # not in its stubs
        try:
            anchor = self._connect_raw(f"{config.path}?config-file={write_engine_config(config)}")
        except RuntimeError as error:
            raise EmbeddedServiceError(
                f"ClickHouse's engine cannot open {config.path}: {error}. "
                f"Stop the process that owns it, or name another directory."
            ) from None
        self._anchor = EngineConnection(anchor)
        facts = self._anchor.run("SELECT version(), serverTimezone(), hostName()").decode().rstrip("\n")
        self.version, self.timezone, self.host_name = facts.split("\t")
        if config.query_log:
            self._anchor.run("SYSTEM FLUSH LOGS")  # creates the table the view is over
            self._anchor.run(QUERY_LOG_VIEW)

    def connect(self, settings: Mapping[str, str]) -> EngineConnection:
        """Open a session with these settings on top of the server's defaults.

        Raises:
            ClickHouseError: A setting is unknown or its value wrong.
        """
        merged = {**_SERVER_DEFAULTS, **settings}
        plain = {n: v for n, v in merged.items() if n in self._known_settings() and _PLAIN.fullmatch(v)}
        try:
            raw = self._connect_raw(f"{self._config.path}?" + "&".join(f"{n}={v}" for n, v in plain.items()))
        except RuntimeError as error:
            raise from_engine(error) from None
        connection = EngineConnection(raw)
        try:
            connection.set({n: v for n, v in merged.items() if n not in plain})
        except BaseException:
            connection.close()
            raise
        return connection

    def kill(self, log_comment: str) -> None:
        """Cancel the queries that run under this `log_comment`, without waiting for their end."""
        with self.connect({}) as connection:
            connection.run(f"KILL QUERY WHERE Settings['log_comment'] = {quote(log_comment)} ASYNC")

    def kill_all(self) -> None:
        """Cancel whatever still runs."""
        with self.connect({}) as connection:
            connection.run("KILL QUERY WHERE query_id != queryID() ASYNC")

    def stop(self) -> None:
        """Close the data directory; what was acknowledged is on disk before and after."""
        if self._anchor is not None:
            self._anchor.close()
            self._anchor = None

    def _known_settings(self) -> frozenset[str]:
        if not hasattr(self, "_settings"):
            assert self._anchor is not None
            names = self._anchor.run("SELECT name FROM system.settings").decode().split()
            self._settings = frozenset(names)
        return self._settings
