"""What governance costs per request: `python -m benchmarks.governance [part ...]` prints one JSON object.

Each part is one function in `PARTS` that returns its figures; parts measure one process, no broker.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from agents.governance.keys import RANDOM_BYTES, KeyRing
from agents.governance.registry import Registry
from agents.governance.signatures.entrance import GuardedEntrance, OpenEntrance
from agents.governance.signatures.verifier import Verifier
from schemas.governance import KeyIssued
from schemas.sealed import SealedContent
from schemas.settings import IntakeSettings
from schemas.tenant import TenantRegistered
from streams.envelope import Publication
from streams.master_key import MasterKey, Purpose
from streams.records import Record
from streams.sealing.binding import Field, binding
from streams.sealing.envelope import ID_BYTES, KEY_BYTES, ContentKey
from streams.sealing.requests import RequestOpener, RequestSealer
from streams.signing import Signer
from streams.stage import moment
from streams.topics import REQUESTS
from streams.vouchers import Vouching

REPEATS = 5
SINGLES = 5_000
BULKS = 100
BULK_SIZE = 200
SKEW_SECONDS = 120.0
NOW = 1_790_000_000.0
MICROSECONDS = 1e6
PROMPT = (
    "Ticket {}: the blue kettle arrived late. Write a short, kind reply. " + "It was a present for a friend. " * 8
)


def signatures() -> dict[str, float]:
    """Measure reading messages with and without checking their signatures, in microseconds per request."""
    master = MasterKey(bytes(32))
    ring = KeyRing(master)
    draft = KeyIssued(tenant="acme", key_id="0" * 8, secret_hash="", signing_key="", issued_at=moment(NOW))
    issued = ring.issue(draft, bytes(range(RANDOM_BYTES)))
    registry = Registry()
    registry.register(TenantRegistered(tenant="acme", reference_model="m"))
    registry.register(issued.fact)
    signer = Signer(issued.key, lambda: NOW)
    intake = IntakeSettings()

    def guarded() -> GuardedEntrance:
        verifier = Verifier(registry, ring, Vouching(master.subkey(Purpose.VOUCHERS)), SKEW_SECONDS)
        return GuardedEntrance(intake, verifier, registry, required=True)

    singles = _records(signer, [_request(number) for number in range(SINGLES)])
    bulks = _records(signer, [_bulk(number) for number in range(BULKS)])
    figures = {"request_bytes": float(len(_request(0)))}
    for name, records, requests in (("single", singles, SINGLES), ("bulk", bulks, BULKS * BULK_SIZE)):
        unsigned = _best(lambda: OpenEntrance(intake), records, requests)
        signed = _best(guarded, records, requests)
        figures |= {
            f"{name}_read_us": round(unsigned, 2),
            f"{name}_read_and_verified_us": round(signed, 2),
            f"{name}_signature_us": round(signed - unsigned, 2),
        }
    began = time.perf_counter()
    for record in singles:
        signer.signed(REQUESTS.name, Publication(record.value, record.key))
    figures["signing_us"] = round((time.perf_counter() - began) / SINGLES * MICROSECONDS, 2)
    return figures


def encryption() -> dict[str, float]:
    """Measure sealing and opening the content of requests, in microseconds per request."""
    key = ContentKey(bytes(ID_BYTES).hex(), bytes(range(KEY_BYTES)), os.urandom)
    reader = ContentKey(key.id, bytes(range(KEY_BYTES)), os.urandom)
    opener = RequestOpener(key)
    bodies = [_request(number) for number in range(SINGLES)]
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


PARTS: dict[str, Callable[[], dict[str, Any]]] = {"signatures": signatures, "encryption": encryption}


def _least(work: Callable[[], object]) -> float:
    """Return the least seconds of several runs."""
    best = float("inf")
    for _ in range(REPEATS):
        gc.collect()
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def _best(make: Callable[[], GuardedEntrance | OpenEntrance], records: Sequence[Record], requests: int) -> float:
    """Return the least microseconds per request of several runs, each with a fresh entrance."""
    best = float("inf")
    for _ in range(REPEATS):
        entrance = make()
        gc.collect()
        began = time.perf_counter()
        for record in records:
            entrance.read(record, NOW)
        best = min(best, time.perf_counter() - began)
    return best / requests * MICROSECONDS


def _request(number: int) -> bytes:
    document = {"id": f"order-{number}", "tenant": "acme", "prompt": PROMPT.format(number), "task_type": "support"}
    return json.dumps(document).encode()


def _bulk(number: int) -> bytes:
    first = number * BULK_SIZE
    return b"[" + b",".join(_request(one) for one in range(first, first + BULK_SIZE)) + b"]"


def _records(signer: Signer, values: Sequence[bytes]) -> list[Record]:
    records = []
    for offset, value in enumerate(values):
        message = signer.signed(REQUESTS.name, Publication(value, b"acme"))
        records.append(
            Record(REQUESTS.name, 0, offset, message.key, message.value, tuple(message.headers), NOW, stamped=True)
        )
    return records


def main() -> int:
    """Measure the parts that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all of them by default")
    chosen = parser.parse_args().parts or list(PARTS)
    print(json.dumps({name: PARTS[name]() for name in chosen}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
