from __future__ import annotations

import socket

import pytest

from schemas.errors import ConfigurationError
from streams.embedded.ports import LOOPBACK, accepts_connections, claim_port, free_ports


def test_free_ports_are_different_and_can_be_listened_on() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        with socket.create_server((LOOPBACK, port)):
            assert accepts_connections(port)


def test_a_port_somebody_listens_on_is_refused_with_the_remedy() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ConfigurationError) as refused:
            claim_port(port, "embedded.broker_port")
    message = str(refused.value)
    assert str(port) in message
    assert "embedded.broker_port" in message
    assert "ASAHI_EMBEDDED_BROKER_PORT" in message


def test_a_port_whose_service_just_ended_is_free_again() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection((LOOPBACK, port))
        connection, _ = server.accept()
        connection.close()  # the server's side closes first: its end lingers in TIME_WAIT
        client.close()
    assert claim_port(port, "embedded.broker_port") == port


def test_zero_picks_a_free_port() -> None:
    port = claim_port(0, "embedded.broker_port")
    assert port > 0
    assert not accepts_connections(port)
