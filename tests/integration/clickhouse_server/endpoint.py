"""Starting and ending the endpoint as a child process, and waiting without guessing."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

START_SECONDS = 60.0
STOP_SECONDS = 30.0
TICK_SECONDS = 0.02


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Return once something is true; fail when it is not in time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError("not in time")
        threading.Event().wait(TICK_SECONDS)


@dataclass
class Endpoint:
    """One endpoint process over one data directory; it may be started again after its end."""

    path: Path
    options: tuple[str, ...] = ()
    port: int = 0
    log: list[dict[str, object]] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "streams.embedded.clickhouse", "--path", str(self.path), "--port", "0"]
        self.process = subprocess.Popen([*command, *self.options], stderr=subprocess.PIPE, text=True)
        ready = threading.Event()
        threading.Thread(target=self._read_log, args=(self.process, ready), daemon=True).start()
        wait_until(lambda: ready.is_set() or self.ended, START_SECONDS)
        if not ready.is_set():
            raise RuntimeError(f"the endpoint did not start: {self.log[-1:]}")

    def _read_log(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                record = json.loads(line) if line.startswith("{") else {"event": line}
                self.log.append(record)
                if record["event"] == "ready":
                    self.port = int(record["port"])
                    ready.set()

    @property
    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def query(self, sql: str | bytes, **url: str | int) -> str:
        """Run a statement and return its result; anything but success fails the test."""
        response = httpx.post(self.url, params=url, content=sql, timeout=60)
        assert response.status_code == 200, response.text
        return response.text.rstrip("\n")
