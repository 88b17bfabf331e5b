"""The figures of chaos tests at the end of the run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

_figures = pytest.StashKey[list[tuple[str, dict[str, object]]]]()

Report = Callable[..., None]


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Note figures of this test for the summary."""
    noted = request.config.stash.setdefault(_figures, [])

    def note(**figures: object) -> None:
        noted.append((request.node.name, figures))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the figures."""
    for name, figures in config.stash.get(_figures, []):
        shown = ", ".join(f"{key}={value}" for key, value in figures.items())
        terminalreporter.write_line(f"{name}: {shown}")
