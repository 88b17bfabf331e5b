"""The table of processes in `asahi status`."""

from __future__ import annotations

import pytest
from prometheus_client.metrics_core import GaugeMetricFamily

from streams.cli.processes import ProcessLine, process_lines, show_processes
from streams.metrics import catalogue
from streams.metrics.families import family, single

WORKER = [
    family(catalogue.RESULTS, [(("completed", "bulk"), 3), (("rejected", "none"), 1)]),
    family(catalogue.HELD, [(("intake",), 2), (("providers",), 3)]),
    family(catalogue.IN_FLIGHT, [(("openai",), 7)]),
    family(catalogue.WAITING, [(("openai",), 1)]),
    family(catalogue.CIRCUIT, [(("openai", "a", "open"), 1), (("openai", "a", "closed"), 0)]),
    family(catalogue.DEAD_LETTERS, [(("intake", "internal_error"), 2)]),
    GaugeMetricFamily("process_resident_memory_bytes", "of it", 5.0),
]
SINK = [single(catalogue.SINK_ROWS, 90), single(catalogue.SINK_SET_ASIDE, 4)]


def test_a_line_adds_up_what_a_process_said() -> None:
    assert process_lines({"worker-1": WORKER, "sink": SINK, "worker-2": None}) == [
        ProcessLine("worker-1", True, 4, 5, 7, 1, 1, 2, 5),
        ProcessLine("sink", True, written=90, dead_letters=4),
        ProcessLine("worker-2", False),
    ]


def test_who_does_not_answer_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    show_processes([])
    assert capsys.readouterr().out == ""
    show_processes(process_lines({"worker-1": WORKER, "worker-2": None}))
    shown = capsys.readouterr().out
    assert "no answer" in shown
    assert "worker-1" in shown
