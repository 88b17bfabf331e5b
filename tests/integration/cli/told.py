"""What the endpoints of a running stack say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import orjson
from prometheus_client.parser import text_string_to_metric_families

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def state_of(data_dir: Path) -> Any:
    """Return the state file of a stack."""
    return orjson.loads((data_dir / "stack.json").read_bytes())


def scraped(address: str) -> Samples:
    """Return every sample of an endpoint by name and labels."""
    answer = httpx.get(f"http://{address}/metrics", timeout=30).raise_for_status()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def by(samples: Samples, name: str, label: str) -> dict[str, float]:
    """Return the sums of what is not 0 by one label."""
    sums: dict[str, float] = {}
    for (named, labels), value in samples.items():
        if named == name and value:
            key = dict(labels)[label]
            sums[key] = sums.get(key, 0.0) + value
    return sums
