"""Writes an offline workload as JSONL: `python -m benchmarks.workload --count 100000 --output requests.jsonl`."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from streams.submission.workload import REPEATED, workload


def write_workload(path: Path, count: int, seed: int, repeated: float = REPEATED) -> None:
    """Write so many requests, one per line; the same arguments give the same file."""
    with path.open("wb") as file:
        for request in workload(count, seed, repeated):
            file.write(orjson.dumps(request, option=orjson.OPT_APPEND_NEWLINE))


@click.command()
@click.option("--count", type=click.IntRange(min=0), default=2000, show_default=True, help="Requests.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--repeated", type=click.FloatRange(0, 1), default=REPEATED, show_default=True, help="Share of repeats."
)
@click.option("--output", type=click.Path(path_type=Path), required=True)
def main(count: int, seed: int, repeated: float, output: Path) -> None:
    """Write a made-up workload."""
    write_workload(output, count, seed, repeated)


if __name__ == "__main__":
    main()
