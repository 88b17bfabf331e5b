"""Which of ClickHouse's errors pass by themselves, and which do not."""

from __future__ import annotations

from clickhouse_connect.driver.exceptions import DataError, Error, InterfaceError, NotSupportedError, ProgrammingError

from schemas.errors import InfrastructureError, WarehouseError, WarehouseUnavailable

PASSING = frozenset(
    {
        159,  # TIMEOUT_EXCEEDED
        173,  # CANNOT_ALLOCATE_MEMORY
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        203,  # NO_FREE_CONNECTION
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        236,  # ABORTED, while it shuts down
        241,  # MEMORY_LIMIT_EXCEEDED
        242,  # TABLE_IS_READ_ONLY
        243,  # NOT_ENOUGH_SPACE
        252,  # TOO_MANY_PARTS
        394,  # QUERY_WAS_CANCELLED
        439,  # CANNOT_SCHEDULE_TASK
        473,  # DEADLOCK_AVOIDED
        745,  # SERVER_OVERLOADED
    }
)
"""ClickHouse's numbers for: not now. A full disk counts, since somebody makes room."""

OUR_FAULT = (DataError, InterfaceError, NotSupportedError, ProgrammingError)
"""What the driver raises before anything is sent."""


def as_ours(error: Exception, url: str) -> InfrastructureError | WarehouseError:
    """Return an error of the driver, or of the network below it, as one of our tree."""
    code = error.code if isinstance(error, Error) else None
    refused = isinstance(error, OUR_FAULT) if code is None else code not in PASSING
    if refused:
        return WarehouseError(str(error), code)
    return WarehouseUnavailable(f"ClickHouse at {url}: {str(error) or type(error).__name__}")
