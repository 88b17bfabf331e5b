"""Every number and name the embedded ClickHouse endpoint can be told, and the defaults for a small laptop."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8123
DEFAULT_USER = "default"
DEFAULT_DATABASE = "default"
DEFAULT_FORMAT = "TabSeparated"
ENGINE_CONFIG_FILE = "engine.xml"
USERS_CONFIG_FILE = "users.xml"
SPOOL_DIRECTORY = "http_spool"


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """How one endpoint process listens, authenticates and bounds itself.

    Attributes:
        path: The data directory; one process at a time may own it.
        host: Address to listen on.
        port: Port to listen on; 0 picks a free one, which the readiness log line names.
        user: The only user who may log in; the engine itself always runs as `default`.
        password: That user's password; empty means none is asked.
        max_memory_bytes: The engine refuses queries (code 241) beyond this.
        max_query_memory_bytes: The same for one query.
        max_concurrent_queries: Worker threads, so queries beyond this wait for one.
        max_threads: Threads one query may use.
        background_threads: Threads that merge parts.
        fsync: Whether an insert is acknowledged only once it survives a power cut (it survives `kill -9` anyway).
        query_log: Whether `system.query_log` is kept.
        max_uri_bytes: Longest request line and header.
        max_session_timeout_seconds: Longest `session_timeout` a client may ask for.
        default_session_timeout_seconds: A session's life after its last query, when it does not say.
        keep_alive_seconds: How long an idle connection stays open.
        stop_seconds: How long running queries may finish after SIGTERM before they are cancelled.
    """

    path: Path
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    user: str = DEFAULT_USER
    password: str = field(default="", repr=False)
    max_memory_bytes: int = 2 * GIB
    max_query_memory_bytes: int = 1 * GIB
    max_concurrent_queries: int = 100
    max_threads: int = 2
    background_threads: int = 2
    fsync: bool = True
    query_log: bool = True
    max_uri_bytes: int = 1 * MIB
    max_session_timeout_seconds: int = 3600
    default_session_timeout_seconds: int = 60
    keep_alive_seconds: float = 60.0
    stop_seconds: float = 3.0
