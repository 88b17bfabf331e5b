"""Brokers and engines for tests. Shared ones are started once per session, when a test first asks for them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from _pytest.terminal import TerminalReporter

from streams.embedded.broker import EmbeddedBroker
from streams.embedded.warehouse import EmbeddedWarehouse
from tests.kafka.apache import ApacheKafka
from tests.kafka.jars import KafkaUnavailable, ensure_jars, java
from tests.telling import Telling

if TYPE_CHECKING:
    from tests.spreading import FromBothEnds

FIGURES = "figures"
"""What a test notes under this name is printed at the end of the run."""

# How long an example takes says something of who else has the cores, not of the code.
hypothesis.settings.register_profile(
    "patient", hypothesis.settings.default, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")


@pytest.hookimpl(trylast=True)  # the terminal's reporter is there
def pytest_configure(config: pytest.Config) -> None:
    """Tell failures when they happen; the processes of xdist report to one that tells."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Telling(terminal), "telling")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FromBothEnds | None:
    """Spread the tests over the processes in our way where files are asked to stay together."""
    if config.getvalue("dist") != "loadfile":
        return None
    from tests.spreading import FromBothEnds  # xdist is there: it asks

    return FromBothEnds(config, log)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print the figures that tests with kills have noted."""
    for outcome in ("passed", "failed"):
        for ended in terminalreporter.getreports(outcome):
            for name, shown in ended.user_properties if ended.when == "call" else ():
                if name == FIGURES:
                    terminalreporter.write_line(f"{ended.nodeid.rpartition('::')[2]}: {shown}")


@pytest.fixture(scope="session")
def embedded_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of the embedded broker."""
    broker = EmbeddedBroker(tmp_path_factory.mktemp("broker"), port=0)
    asyncio.run(broker.start())
    yield broker.bootstrap
    asyncio.run(broker.stop())


@pytest.fixture(scope="session")
def kafka_jars() -> Path:
    """The jars of Apache Kafka. Without Java or Maven the test is skipped, but not in CI."""
    try:
        java()
        return ensure_jars()
    except KafkaUnavailable as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must run the Kafka tests: {missing}")
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[str]:
    """`host:port` of Apache Kafka: the one `KAFKA_TEST_BOOTSTRAP` names, else one of our own."""
    named = os.environ.get("KAFKA_TEST_BOOTSTRAP")
    if named:
        yield named
        return
    request.getfixturevalue("kafka_jars")
    kafka = ApacheKafka(tmp_path_factory.mktemp("kafka"))
    asyncio.run(kafka.start())
    yield kafka.bootstrap
    asyncio.run(kafka.stop())


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
def broker_kind(request: pytest.FixtureRequest) -> str:
    """Which broker the test runs on this time: `embedded` or `apache`."""
    return str(request.param)


@pytest.fixture
def broker(broker_kind: str, request: pytest.FixtureRequest) -> str:
    """`host:port` of each broker in turn: the same test must hold on both."""
    fixture = {"embedded": "embedded_broker", "apache": "apache_kafka"}[broker_kind]
    return str(request.getfixturevalue(fixture))


@pytest.fixture
async def own_broker(broker_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """`host:port` of a broker nobody else uses: what other tests left in its topics would be worked on too."""
    if broker_kind == "apache":
        request.getfixturevalue("kafka_jars")
    async with started_broker(broker_kind, tmp_path) as bootstrap:
        yield bootstrap


@asynccontextmanager
async def started_broker(kind: str, folder: Path) -> AsyncIterator[str]:
    """Run a broker, `embedded` or `apache`, until the block ends; yield its `host:port`."""
    broker = EmbeddedBroker(folder / "broker", port=0) if kind == "embedded" else ApacheKafka(folder / "kafka")
    await broker.start()
    try:
        yield broker.bootstrap
    finally:
        await broker.stop()


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of the embedded ClickHouse's HTTP interface."""
    warehouse = EmbeddedWarehouse(tmp_path_factory.mktemp("warehouse"), port=0)
    asyncio.run(warehouse.start())
    yield warehouse.url
    asyncio.run(warehouse.stop())
