from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.integration.cli.commands import Asahi, Up


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    """What a command does to the libraries' loggers is undone."""
    before = {name: logging.getLogger(name).level for name in logging.root.manager.loggerDict}
    yield
    for name in logging.root.manager.loggerDict:
        logging.getLogger(name).setLevel(before.get(name, logging.NOTSET))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A stack with one worker, started once for the tests of a file."""
    up = Up(tmp_path_factory.mktemp("stack") / "data")
    up.wait_for("Ctrl-C stops it")
    yield up
    assert up.stop() == 0, up.said()


@pytest.fixture
def asahi(running: Up, capsys: pytest.CaptureFixture[str]) -> Asahi:
    return Asahi(running.data_dir, capsys)
