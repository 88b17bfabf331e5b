"""The ClickHouse engine in this process: it owns the data directory, from start to stop."""

from __future__ import annotations

import faulthandler
import re
from collections.abc import Callable, Mapping
from typing import Any

from schemas.errors import EmbeddedServiceError
from streams.embedded.clickhouse.config import SPOOL_DIRECTORY, EndpointConfig
from streams.embedded.clickhouse.connection import EngineConnection, quote
from streams.embedded.clickhouse.engine_config import write_engine_config
from streams.embedded.clickhouse.errors import from_engine
from streams.embedded.clickhouse.query_id import QUERY_LOG_VIEW

# what chdb sets that a server does not; the rest of its defaults are the server's
_SERVER_DEFAULTS = {"implicit_select": "0", "allow_introspection_functions": "0"}
# values that can stand in a connection string, where "&" would end them and an empty one means "1"
_PLAIN = re.compile(r"[\w.,:/+\-]+", re.ASCII)


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
