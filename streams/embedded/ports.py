"""Loopback ports for the embedded services."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from schemas.errors import ConfigurationError

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Return that many different loopback ports nobody listens on.

    Nothing reserves them: a caller that must be sure checks that it reached its own service.
    """
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]


def claim_port(wanted: int, setting: str) -> int:
    """Return the port a service shall listen on.

    Args:
        wanted: The configured port; 0 picks a free one.
        setting: The setting that names the port, for the error message, e.g. `embedded.broker_port`.

    Raises:
        ConfigurationError: Another program listens on the port, or this user may not.
    """
    if wanted == 0:
        return free_ports(1)[0]
    with socket.socket() as probe:
        # Connections of a service that just stopped linger for a minute; they do not make the port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except OSError as refused:
            variable = "ASAHI_" + setting.replace(".", "_").upper()
            raise ConfigurationError(
                f"port {wanted} of {LOOPBACK} cannot be used ({refused.strerror}): stop the program that has it, "
                f"or set {setting} ({variable}) to another port, or to 0 for any free one"
            ) from refused
    return wanted


def accepts_connections(port: int, timeout: float = 0.5) -> bool:
    """Whether something listens on the loopback port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout).close()
    except OSError:
        return False
    return True
