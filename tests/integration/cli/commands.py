"""Running `asahi` in this process and, for what keeps running, in another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from streams.cli.app import run
from streams.cli.environment import SOURCES

START_SECONDS = 90.0
STOP_SECONDS = 60.0
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Said:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return orjson.loads(self.out)


class Asahi:
    """Commands on one data folder."""

    def __init__(self, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data_dir = data_dir
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Said:
        self._capsys.readouterr()
        code = run(["--data-dir", str(self.data_dir), *arguments])
        printed = self._capsys.readouterr()
        return Said(code, printed.out, printed.err)


class Up:
    """`asahi up` as a process of its own, on free ports."""

    def __init__(self, data_dir: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.log = data_dir.with_name(data_dir.name + "-up.log")
        ports = {"ASAHI_EMBEDDED_BROKER_PORT": "0", "ASAHI_EMBEDDED_CLICKHOUSE_PORT": "0"}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streams.cli", "--data-dir", str(data_dir), "up", *arguments],
                env=os.environ | ports | {"PYTHONPATH": str(SOURCES)} | dict(environment or {}),
                stdout=log,
                stderr=log,
            )

    def wait_for(self, words: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while words not in self.said():
            assert self._process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def said(self) -> str:
        return self.log.read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        self._process.send_signal(number)
        return self._process.wait(STOP_SECONDS)

    def wait(self) -> int:
        return self._process.wait(STOP_SECONDS)


def eventually(look: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for what other processes bring about."""
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def answered(asahi: Asahi, folder: Path, *requests: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Send requests; return their results by id."""
    file, output = write_lines(folder / "requests.jsonl", requests), folder / "results.jsonl"
    output.unlink(missing_ok=True)
    asahi("submit", str(file), "--output", str(output), "--json")
    results = [orjson.loads(line) for line in output.read_bytes().splitlines()]
    return {result["id"]: result for result in results}


def write_lines(path: Path, documents: Sequence[object]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE) for document in documents))
    return path
