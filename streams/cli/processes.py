"""What the processes say of themselves, for `asahi status`: the same figures that Prometheus gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from prometheus_client.metrics_core import Metric

from schemas.provider_health import Circuit
from streams.cli.display import console, plain_table
from streams.metrics import catalogue
from streams.metrics.joining import Answers, total

NUMBERS = ("written", "held", "in flight", "waiting", "circuits open", "dead letters", "memory")
BYTES_PER_MB = 1024 * 1024
MEMORY = "process_resident_memory_bytes"


@dataclass(frozen=True, slots=True)
class ProcessLine:
    """One process.

    Attributes:
        process: Its name, or its address.
        up: Whether it answered; the rest is 0 where it did not.
        written: Results of a worker, or rows of a sink, since it started.
        held: Requests taken in and not made durable yet, over its stages.
        in_flight: Provider calls under way.
        waiting: Provider calls that wait for their turn.
        circuits_open: Models whose circuit breaker lets nobody through.
        dead_letters: Written since it started.
        memory_bytes: Resident.
    """

    process: str
    up: bool
    written: int = 0
    held: int = 0
    in_flight: int = 0
    waiting: int = 0
    circuits_open: int = 0
    dead_letters: int = 0
    memory_bytes: int = 0

    def document(self) -> dict[str, object]:
        """Return it for programs."""
        return asdict(self)


def process_lines(answers: Answers) -> list[ProcessLine]:
    """Return a line for each process that was asked."""
    return [_line(name, families) for name, families in answers.items()]


def _line(name: str, families: list[Metric] | None) -> ProcessLine:
    if families is None:
        return ProcessLine(name, up=False)
    return ProcessLine(
        name,
        up=True,
        written=int(total(families, catalogue.RESULTS) + total(families, catalogue.SINK_ROWS)),
        held=int(total(families, catalogue.HELD)),
        in_flight=int(total(families, catalogue.IN_FLIGHT)),
        waiting=int(total(families, catalogue.WAITING)),
        circuits_open=int(total(families, catalogue.CIRCUIT, state=Circuit.OPEN.value)),
        dead_letters=int(total(families, catalogue.DEAD_LETTERS) + total(families, catalogue.SINK_SET_ASIDE)),
        memory_bytes=next((int(one.samples[0].value) for one in families if one.name == MEMORY), 0),
    )


def show_processes(lines: Sequence[ProcessLine]) -> None:
    """Print a table of them, where there are any."""
    if not lines:
        return
    table: Any = plain_table("process", *NUMBERS, "", right=NUMBERS)
    for line in lines:
        if not line.up:
            table.add_row(line.process, *("-" for _ in NUMBERS), "[red]no answer[/red]")
            continue
        counts = (line.written, line.held, line.in_flight, line.waiting, line.circuits_open, line.dead_letters)
        memory = f"{line.memory_bytes / BYTES_PER_MB:,.0f} MB"
        table.add_row(line.process, *(f"{count:,}" for count in counts), memory, "[green]up[/green]")
    console().print(table)
    console().print()
