"""What a run says while it goes on: one that is cut off has told which test failed, and where the time went."""

from __future__ import annotations

import time

import pytest
from _pytest.terminal import TerminalReporter

LAST_LINES = 30
EVERY_SECONDS = 60.0
_LONG_SECONDS = 20.0


class Telling:
    """Tells every failure when it happens, and once a minute how far the run is and which tests take long.

    Args:
        terminal: Where the run is reported.
    """

    def __init__(self, terminal: TerminalReporter) -> None:
        self._terminal = terminal
        self._began = self._told = time.monotonic()
        self._running: dict[str, float] = {}
        self._ended = 0

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Remember which tests run."""
        self._running[nodeid] = time.monotonic()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Count the test, and tell how far the run is when a minute has passed."""
        self._ended += 1
        self._running.pop(nodeid, None)
        if time.monotonic() - self._told >= EVERY_SECONDS:
            self._tell_progress()

    @pytest.hookimpl(trylast=True)  # the terminal has written its letter
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell a failure."""
        if report.failed:
            self._say(f"FAILED {report.nodeid} ({report.when}, after {self._elapsed()})", red=True)
            for line in report.longreprtext.splitlines()[-LAST_LINES:]:
                self._terminal.write_line(f"    {line}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell what cannot even be collected."""
        if report.failed:
            self._say(f"FAILED {report.nodeid} (collection)\n{report.longreprtext}", red=True)

    def _tell_progress(self) -> None:
        self._told = now = time.monotonic()
        long = [
            f"{name} for {now - since:.0f} s" for name, since in self._running.items() if now - since > _LONG_SECONDS
        ]
        self._say("; ".join([f"{self._ended} tests after {self._elapsed()}", *long]))

    def _elapsed(self) -> str:
        minutes, seconds = divmod(round(time.monotonic() - self._began), 60)
        return f"{minutes}:{seconds:02} min"

    def _say(self, line: str, **markup: bool) -> None:
        self._terminal.write_line(f"\n{line}", **markup)
        self._terminal.flush()
