"""Figures of several processes as those of one place: each with a label that says whose it is."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Iterator, Mapping

import aiohttp
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from streams.metrics.catalogue import PROCESS_UP, Figure
from streams.metrics.families import family

PROCESS = "process"

Answers = Mapping[str, list[Metric] | None]
"""Figures by the name of their process; None of one that did not answer."""


async def addresses(targets: str) -> dict[str, str]:
    """Return `host:port` of every process behind these names, by itself; a name with several addresses is several.

    Of a name with addresses of both kinds only those of IPv4 count: a process may well have one of each.

    Args:
        targets: `host:port`, separated by commas.
    """
    loop = asyncio.get_running_loop()
    found: dict[str, str] = {}
    for target in filter(None, map(str.strip, targets.split(","))):
        host, _, port = target.rpartition(":")
        try:
            infos = await loop.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        except OSError:  # nobody has the name now: it is a process that does not answer
            found[target] = target
            continue
        kinds = {kind for kind, *_ in infos}
        chosen = socket.AF_INET if socket.AF_INET in kinds else socket.AF_INET6
        for kind, *_, (address, *_) in infos:
            if kind == chosen:
                place = f"[{address}]:{port}" if kind == socket.AF_INET6 else f"{address}:{port}"
                found[place] = place
    return found


async def ask(processes: Mapping[str, str], timeout_seconds: float) -> Answers:
    """Return what each process says, all asked at once.

    Args:
        processes: `host:port` by name.
        timeout_seconds: Longest wait for any of them.
    """
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
        said = await asyncio.gather(*(_ask(session, place) for place in processes.values()))
    return dict(zip(processes, said, strict=True))


async def _ask(session: aiohttp.ClientSession, place: str) -> list[Metric] | None:
    try:
        async with session.get(f"http://{place}/metrics", raise_for_status=True) as answer:
            return list(text_string_to_metric_families(await answer.text()))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return None


def joined(answers: Answers) -> Iterator[Metric]:
    """Give the figures of all processes, each with the name of its process, and which of them answered."""
    yield family(PROCESS_UP, [((name,), int(families is not None)) for name, families in answers.items()])
    whole: dict[str, Metric] = {}
    for name, families in answers.items():
        for one in families or ():
            into = whole.setdefault(one.name, Metric(one.name, one.documentation, one.type))
            into.samples += [_labelled(sample, name) for sample in one.samples]
    yield from whole.values()


def _labelled(sample: Sample, process: str) -> Sample:
    return sample._replace(labels={PROCESS: process, **sample.labels})


def total(families: Iterable[Metric], figure: Figure, **labels: str) -> float:
    """Return the sum of a counter or gauge over all label values but these."""
    return sum(
        sample.value
        for one in families
        if one.name == figure.name
        for sample in one.samples
        if labels.items() <= sample.labels.items()
    )
