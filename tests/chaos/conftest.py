"""The figures of chaos tests at the end of the run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from _pytest.terminal import TerminalReporter

FIGURES = "figures"

Report = Callable[..., None]


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Note figures of this test for the summary; they travel with its outcome, from whichever process runs it."""

    def note(**figures: object) -> None:
        shown = ", ".join(f"{key}={value}" for key, value in figures.items())
        request.node.user_properties.append((FIGURES, shown))

    return note


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start processes without coverage: who is killed leaves no measurement, and measuring halves what all can do."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print the figures."""
    for outcome in ("passed", "failed"):
        for ended in terminalreporter.getreports(outcome):
            for name, shown in ended.user_properties if ended.when == "call" else ():
                if name == FIGURES:
                    terminalreporter.write_line(f"{ended.nodeid.rpartition('::')[2]}: {shown}")
