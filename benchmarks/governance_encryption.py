"""What sealing and opening content costs per request."""

from __future__ import annotations

import gc
import json
import os
import time
from collections.abc import Callable, Sequence

from benchmarks.governance_load import BULK_SIZE, MICROSECONDS, REPEATS, SINGLES, request
from schemas.sealed import SealedContent
from streams.sealing.binding import Field, binding
from streams.sealing.envelope import ID_BYTES, KEY_BYTES, ContentKey
from streams.sealing.requests import RequestOpener, RequestSealer


def encryption() -> dict[str, float]:
    """Measure sealing and opening the content of requests, in microseconds per request."""
    key = ContentKey(bytes(ID_BYTES).hex(), bytes(range(KEY_BYTES)), os.urandom)
    reader = ContentKey(key.id, bytes(range(KEY_BYTES)), os.urandom)
    opener = RequestOpener(key)
    bodies = [request(number) for number in range(SINGLES)]
    bounds = [binding(Field.BODY, "acme", f"order-{number}") for number in range(SINGLES)]
    envelopes = [key.seal(body, bound) for body, bound in zip(bodies, bounds, strict=True)]
    documents = [json.loads(body) for body in bodies]
    sealer = RequestSealer(key.id, opener.public_key)
    sealed = [SealedContent(**sealer.seal(document)["sealed"]) for document in documents]
    alone = [
        SealedContent(**RequestSealer(key.id, opener.public_key).seal(document)["sealed"])
        for document in documents[:BULK_SIZE]
    ]

    def open_requests(contents: Sequence[SealedContent]) -> None:
        fresh = RequestOpener(key)
        for number, content in enumerate(contents):
            fresh.open(content, "acme", f"order-{number}")

    timed: dict[str, tuple[Callable[[], object], int]] = {
        "bind": (lambda: [binding(Field.BODY, "acme", f"order-{number}") for number in range(SINGLES)], SINGLES),
        "seal": (lambda: [key.seal(*pair) for pair in zip(bodies, bounds, strict=True)], SINGLES),
        "open": (lambda: [reader.open(*pair) for pair in zip(envelopes, bounds, strict=True)], SINGLES),
        "fingerprint": (lambda: [key.fingerprint(body) for body in bodies], SINGLES),
        "producer_seal": (lambda: [sealer.seal(document) for document in documents], SINGLES),
        "request_open_shared_ephemeral": (lambda: open_requests(sealed), SINGLES),
        "request_open_own_ephemeral": (lambda: open_requests(alone), BULK_SIZE),
    }
    return {f"{name}_us": round(_least(work) / count * MICROSECONDS, 2) for name, (work, count) in timed.items()}


def _least(work: Callable[[], object]) -> float:
    """Return the least seconds of several runs."""
    best = float("inf")
    for _ in range(REPEATS):
        gc.collect()
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best
