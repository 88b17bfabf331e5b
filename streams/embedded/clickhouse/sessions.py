"""Sessions a client names itself: what SET, USE and temporary tables leave behind lives on between its requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from streams.embedded.clickhouse.config import DEFAULT_DATABASE
from streams.embedded.clickhouse.connection import EngineConnection, quote_name
from streams.embedded.clickhouse.errors import ClickHouseError
from streams.embedded.clickhouse.statement import Statement


@dataclass(slots=True)
class Session:
    """One client's session.

    Attributes:
        timeout_seconds: How long it lives on after its last request.
        connection: The engine session that holds its state; None as long as it has none.
        database: The database it is in between requests: one named in a URL is for that request only.
    """

    timeout_seconds: float
    connection: EngineConnection | None = None
    database: str = DEFAULT_DATABASE
    busy: bool = True
    expires_at: float = 0.0

    def use(self, database: str) -> None:
        """Go to a request's database, or to the session's own when it names none."""
        assert self.connection is not None
        self.connection.run(f"USE {quote_name(database or self.database)}")

    def remember_database(self, changed_by: Statement) -> None:
        """After a request: keep where a USE statement went."""
        if self.connection is not None and changed_by.changes_database:
            self.database = self.connection.run("SELECT currentDatabase()", "TabSeparatedRaw").decode().rstrip("\n")


class SessionRegistry:
    """All sessions by id. One request at a time may use a session."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}

    def acquire(self, session_id: str, timeout_seconds: float, must_exist: bool) -> Session:
        """Take a session for one request, creating it when it is new.

        Raises:
            ClickHouseError: It is in use (373), or had to exist and does not (372).
        """
        self.expire()
        with self._lock:
            session = self._sessions.get(session_id)
            if session is None:
                if must_exist:
                    raise ClickHouseError(372, "SESSION_NOT_FOUND", f"Session {session_id} not found")
                session = self._sessions[session_id] = Session(timeout_seconds)
                return session
            if session.busy:
                raise ClickHouseError(
                    373, "SESSION_IS_LOCKED", f"Session {session_id} is locked by a concurrent client"
                )
            session.busy = True
            session.timeout_seconds = timeout_seconds
            return session

    def release(self, session_id: str, close: bool = False) -> None:
        """Give a session back; it lives on for its timeout unless it is closed."""
        with self._lock:
            session = self._sessions[session_id]
            session.busy = False
            session.expires_at = self._clock() + session.timeout_seconds
            if close:
                del self._sessions[session_id]
        if close and session.connection is not None:
            session.connection.close()

    def expire(self, everything: bool = False) -> None:
        """End the sessions nobody used for their timeout."""
        now = self._clock()
        with self._lock:
            ended = {
                name: session
                for name, session in self._sessions.items()
                if not session.busy and (everything or session.expires_at <= now)
            }
            for name in ended:
                del self._sessions[name]
        for session in ended.values():
            if session.connection is not None:
                session.connection.close()
