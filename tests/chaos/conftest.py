"""A broker of its own for each chaos test, and their figures at the end of the run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from streams.embedded.broker import EmbeddedBroker
from tests.kafka.apache import ApacheKafka

_figures = pytest.StashKey[list[tuple[str, dict[str, object]]]]()

Report = Callable[..., None]


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Note figures of this test for the summary."""
    noted = request.config.stash.setdefault(_figures, [])

    def note(**figures: object) -> None:
        noted.append((request.node.name, figures))

    return note


@pytest.fixture
async def own_broker(broker_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """`host:port` of a broker nobody else uses: what other tests left in its topics would be worked on too."""
    if broker_kind == "embedded":
        embedded = EmbeddedBroker(tmp_path / "broker", port=0)
        await embedded.start()
        yield embedded.bootstrap
        await embedded.stop()
        return
    request.getfixturevalue("kafka_jars")
    kafka = ApacheKafka(tmp_path / "kafka")
    await kafka.start()
    yield kafka.bootstrap
    await kafka.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the figures."""
    for name, figures in config.stash.get(_figures, []):
        shown = ", ".join(f"{key}={value}" for key, value in figures.items())
        terminalreporter.write_line(f"{name}: {shown}")
