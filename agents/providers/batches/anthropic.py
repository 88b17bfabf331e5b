"""Anthropic's message batches: all requests in one body, no metadata, results as one file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec

from agents.providers.batches.endpoint import Endpoint
from agents.providers.batches.interface import CLOCK_SKEW_SECONDS, Created, Finding, Outcome, outcomes
from agents.providers.batches.packing import Limits
from agents.providers.messages import message_body, parse_message
from agents.providers.protocol import Prompt
from schemas.errors import ProviderUnreadable

MAX_TOKENS = 4_096
"""The format requires a longest answer; this is what the models file assumes of a model that names none."""
UNKNOWN = Prompt("")
LIMITS = Limits(100_000, 256_000_000)
PATH = "/messages/batches"
PAGE = 100
ENDED = "ended"


class _Line(msgspec.Struct):
    custom_id: str
    params: msgspec.Raw


class _Counts(msgspec.Struct):
    processing: int = 0
    succeeded: int = 0
    errored: int = 0
    canceled: int = 0
    expired: int = 0

    @property
    def total(self) -> int:
        return self.processing + self.succeeded + self.errored + self.canceled + self.expired


class _Batch(msgspec.Struct):
    id: str
    created_at: datetime
    processing_status: str
    request_counts: _Counts = msgspec.field(default_factory=_Counts)
    results_url: str | None = None


class _Page(msgspec.Struct):
    data: list[_Batch]
    has_more: bool = False
    last_id: str | None = None


class _Error(msgspec.Struct):
    type: str = ""


class _ErrorResponse(msgspec.Struct):
    error: _Error = msgspec.field(default_factory=_Error)


class _Verdict(msgspec.Struct):
    type: str
    message: msgspec.Raw = msgspec.Raw(b"null")
    error: _ErrorResponse | None = None


class _Result(msgspec.Struct):
    custom_id: str
    result: _Verdict


_encode = msgspec.json.Encoder().encode
_decode_result = msgspec.json.Decoder(_Result).decode


class AnthropicBatches:
    """Batches over messages.

    A batch carries nothing of ours but the custom ids, and those are shown only once it has ended. So a batch made
    since the intention, with as many requests as the job has, is a suspect until then.

    Args:
        endpoint: The server, with the key in its headers.
    """

    limits = LIMITS

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def line(self, item: str, prompt: Prompt, model: str) -> bytes:
        """Return the element of one item."""
        return bytes(_encode(_Line(item, msgspec.Raw(message_body(prompt, model, MAX_TOKENS)))))

    async def upload(self, job: str, lines: Sequence[bytes]) -> str | None:
        """Do nothing: the requests travel with the batch."""
        del job, lines
        return None

    async def create(self, job: str, lines: Sequence[bytes], file: str | None) -> Created:
        """Make a batch of the requests."""
        del job, file
        body = b'{"requests":[' + b",".join(lines) + b"]}"
        headers = {"content-type": "application/json"}
        batch = await self._endpoint.ask(_Batch, "POST", PATH, content=body, headers=headers)
        return Created(batch.id, batch.created_at.timestamp())

    async def find(self, job: str, items: Collection[str], since: float) -> Finding:
        """Look at the batches of the job's size, the newest of which are listed first, for one with its items."""
        del job
        after: dict[str, Any] = {}
        unclear = False
        while True:
            page = await self._endpoint.ask(_Page, "GET", PATH, params={"limit": PAGE, **after})
            for batch in page.data:
                created_at = batch.created_at.timestamp()
                if created_at < since - CLOCK_SKEW_SECONDS:
                    return Finding(unclear=unclear)
                if batch.request_counts.total != len(items):
                    continue
                if batch.processing_status != ENDED:
                    unclear = True
                elif batch.results_url is not None and await self._first_item(batch.id) in items:
                    return Finding(Created(batch.id, created_at))
            if not page.has_more or page.last_id is None:
                return Finding(unclear=unclear)
            after = {"after_id": page.last_id}

    async def ended(self, batch: str) -> bool:
        """Return whether every request has its verdict."""
        found = await self._endpoint.ask(_Batch, "GET", f"{PATH}/{batch}")
        return found.processing_status == ENDED

    async def cancel(self, batch: str) -> None:
        """Ask the provider to stop."""
        await self._endpoint.ask(_Batch, "POST", f"{PATH}/{batch}/cancel")

    async def results(self, batch: str) -> AsyncIterator[Outcome]:
        """Yield the verdicts."""
        async for outcome in outcomes(self._endpoint.lines(f"{PATH}/{batch}/results"), outcome_of):
            yield outcome

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()

    async def _first_item(self, batch: str) -> str | None:
        async for outcome in self.results(batch):
            return outcome.item
        return None


def outcome_of(line: bytes) -> Outcome:
    """Read one line of results.

    Raises:
        ProviderUnreadable: It names no custom id.
    """
    try:
        result = _decode_result(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise ProviderUnreadable("provider_unreadable", "a line of the batch's results is unreadable") from wrong
    verdict = result.result
    if verdict.type != "succeeded":
        reason = verdict.type if verdict.error is None else verdict.error.error.type or verdict.type
        return Outcome(result.custom_id, reason=reason)
    try:
        return Outcome(result.custom_id, parse_message(bytes(verdict.message), UNKNOWN))
    except ProviderUnreadable as wrong:
        return Outcome(result.custom_id, billed=wrong.tokens, reason=wrong.code)
