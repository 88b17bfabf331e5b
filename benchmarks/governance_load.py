"""Requests whose governance is measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from agents.governance.budgets.estimate import Estimator
from schemas.models_file import ModelsFile
from schemas.policy import Budget, Period
from streams.envelope import Publication
from streams.records import Record
from streams.signing import Signer
from streams.topics import REQUESTS

REPEATS = 5
SINGLES = 5_000
BULK_SIZE = 200
NOW = 1_790_000_000.0
HOLD_SECONDS = 3600.0
EXPECTED_OUTPUT_TOKENS = 256
MODELS = Path(__file__).parents[1] / "config" / "models.yaml"
MICROSECONDS = 1e6
PLENTY = tuple(Budget(period=period, limit_usd=Decimal(10**9)) for period in (Period.DAY, Period.MONTH))
PROMPT = (
    "Ticket {}: the blue kettle arrived late. Write a short, kind reply. " + "It was a present for a friend. " * 8
)


class Receipt:
    """Nobody is told."""

    def settle(self) -> None:
        """Do nothing."""


def estimator() -> Estimator:
    """Return what estimates costs by the models of this repository."""
    return Estimator(ModelsFile(MODELS).load())


def request(number: int) -> bytes:
    """Return a request as JSON."""
    document = {"id": f"order-{number}", "tenant": "acme", "prompt": PROMPT.format(number), "task_type": "support"}
    return json.dumps(document).encode()


def bulk(number: int) -> bytes:
    """Return a message of `BULK_SIZE` requests."""
    first = number * BULK_SIZE
    return b"[" + b",".join(request(one) for one in range(first, first + BULK_SIZE)) + b"]"


def signed_records(signer: Signer, values: Sequence[bytes]) -> list[Record]:
    """Return signed messages as they are read."""
    records = []
    for offset, value in enumerate(values):
        message = signer.signed(REQUESTS.name, Publication(value, b"acme"))
        records.append(
            Record(REQUESTS.name, 0, offset, message.key, message.value, tuple(message.headers), NOW, stamped=True)
        )
    return records
