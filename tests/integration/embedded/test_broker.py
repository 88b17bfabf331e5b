from __future__ import annotations

import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas.errors import BrokerUnavailable, ConfigurationError, EmbeddedServiceError
from streams.embedded.broker import EmbeddedBroker, cluster_id_of
from streams.embedded.ports import LOOPBACK
from tests.kafka.polling import until


@pytest.fixture
async def own_broker(tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    """One that the test may kill, unlike the session's."""
    broker = EmbeddedBroker(tmp_path, port=0)
    yield broker
    await broker.stop()


async def test_every_start_is_a_new_log_and_says_so(own_broker: EmbeddedBroker) -> None:
    await own_broker.start()
    await own_broker.check()
    first = own_broker.cluster_id
    assert await cluster_id_of(own_broker.bootstrap) == first
    await own_broker.stop()
    await own_broker.start()
    assert own_broker.cluster_id != first
    assert await cluster_id_of(own_broker.bootstrap) == own_broker.cluster_id


async def test_it_listens_on_the_loopback_interface_only(own_broker: EmbeddedBroker) -> None:
    await own_broker.start()
    assert _listening_addresses(int(own_broker.bootstrap.rpartition(":")[2])) == ["0100007F"]


async def test_a_killed_broker_is_noticed(own_broker: EmbeddedBroker) -> None:
    await own_broker.start()
    pid = own_broker.process.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not own_broker.process.alive)
    with pytest.raises(EmbeddedServiceError, match=r"broker .* was ended by SIGKILL"):
        await own_broker.check()
    with pytest.raises(BrokerUnavailable, match=own_broker.bootstrap):
        await cluster_id_of(own_broker.bootstrap)


async def test_a_taken_port_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        broker = EmbeddedBroker(tmp_path, port=port)
        with pytest.raises(ConfigurationError, match=rf"port {port} .* embedded\.broker_port"):
            await broker.start()
    with pytest.raises(EmbeddedServiceError, match="not started"):
        await broker.check()


async def test_a_server_that_is_silent_is_no_broker() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        address = f"{LOOPBACK}:{server.getsockname()[1]}"
        with pytest.raises(BrokerUnavailable, match=address):
            await cluster_id_of(address, patience=0.3)


async def test_a_missing_program_is_reported(own_broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALF_TANSU_BIN", "/nowhere/tansu")
    with pytest.raises(EmbeddedServiceError, match="/nowhere/tansu"):
        await own_broker.start()


async def test_variables_of_the_user_do_not_reconfigure_it(
    own_broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHENTICATION", "true")
    monkeypatch.setenv("STORAGE_ENGINE", "s3://somewhere/")
    await own_broker.start()
    await own_broker.check()


def _listening_addresses(port: int) -> list[str]:
    """Local addresses, as the kernel prints them, of the sockets that listen on a port."""
    sockets = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()
    ]
    local = [fields[1].split(":") for fields in sockets if fields[3] == "0A"]
    return [address for address, hex_port in local if int(hex_port, 16) == port]
