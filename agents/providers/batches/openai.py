"""OpenAI's batches: a file of lines, a batch over it with our key as metadata, files of results."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

import msgspec

from agents.providers.batches.endpoint import Endpoint
from agents.providers.batches.interface import CLOCK_SKEW_SECONDS, Created, Finding, Outcome, outcomes
from agents.providers.batches.packing import Limits
from agents.providers.chat_completions import chat_body, parse_reply
from agents.providers.protocol import Prompt
from schemas.errors import ProviderUnreadable

LIMITS = Limits(50_000, 200_000_000)
CALLED = "/v1/chat/completions"
WINDOW = "24h"
JOB = "asahi_job"
"""Name of our key among a batch's metadata."""
PAGE = 100
ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
UNKNOWN = Prompt("")
"""Parsing needs the prompt only to estimate tokens that a provider does not tell; a batch tells them."""
OK = 200


class _Line(msgspec.Struct):
    custom_id: str
    body: msgspec.Raw
    method: str = "POST"
    url: str = CALLED


class _File(msgspec.Struct):
    id: str


class _Batch(msgspec.Struct):
    id: str
    created_at: float
    status: str
    output_file_id: str | None = None
    error_file_id: str | None = None
    metadata: dict[str, str] | None = None


class _Page(msgspec.Struct):
    data: list[_Batch]
    has_more: bool = False


class _Response(msgspec.Struct):
    status_code: int = 0
    body: msgspec.Raw = msgspec.Raw(b"null")


class _Error(msgspec.Struct):
    code: str | None = None


class _Result(msgspec.Struct):
    custom_id: str
    response: _Response | None = None
    error: _Error | None = None


_encode = msgspec.json.Encoder().encode
_decode_result = msgspec.json.Decoder(_Result).decode


class OpenAIBatches:
    """Batches over chat completions.

    Args:
        endpoint: The server, with the key in its headers.
    """

    limits = LIMITS

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def line(self, item: str, prompt: Prompt, model: str) -> bytes:
        """Return the line of one item."""
        # A line may not hold a line break; msgspec escapes those in strings and writes none between.
        return bytes(_encode(_Line(item, msgspec.Raw(chat_body(prompt, model)))))

    async def upload(self, job: str, lines: Sequence[bytes]) -> str | None:
        """Upload the lines as a file of the job's name."""
        file = (f"asahi-{job}.jsonl", b"\n".join(lines) + b"\n", "application/jsonl")
        return (await self._endpoint.ask(_File, "POST", "/files", data={"purpose": "batch"}, files={"file": file})).id

    async def create(self, job: str, lines: Sequence[bytes], file: str | None) -> Created:
        """Make a batch over the uploaded file; a server that knows idempotency keys makes no second one."""
        del lines
        body = {"input_file_id": file, "endpoint": CALLED, "completion_window": WINDOW, "metadata": {JOB: job}}
        headers = {"idempotency-key": f"asahi-{job}"}
        batch = await self._endpoint.ask(_Batch, "POST", "/batches", json=body, headers=headers)
        return Created(batch.id, batch.created_at)

    async def find(self, job: str, items: Collection[str], since: float) -> Finding:
        """Look for our key among the metadata of the batches, the newest of which are listed first."""
        del items
        after: dict[str, Any] = {}
        while True:
            page = await self._endpoint.ask(_Page, "GET", "/batches", params={"limit": PAGE, **after})
            for batch in page.data:
                if (batch.metadata or {}).get(JOB) == job:
                    return Finding(Created(batch.id, batch.created_at))
            if not page.has_more or not page.data or page.data[-1].created_at < since - CLOCK_SKEW_SECONDS:
                return Finding()
            after = {"after": page.data[-1].id}

    async def ended(self, batch: str) -> bool:
        """Return whether the batch is completed, failed, expired or cancelled."""
        return (await self._batch(batch)).status in ENDED

    async def cancel(self, batch: str) -> None:
        """Ask the provider to stop, which takes up to ten minutes."""
        await self._endpoint.ask(_Batch, "POST", f"/batches/{batch}/cancel")

    async def results(self, batch: str) -> AsyncIterator[Outcome]:
        """Yield the lines of the output file, then those of the error file; a batch may have neither."""
        found = await self._batch(batch)
        for file in (found.output_file_id, found.error_file_id):
            if file is not None:
                async for outcome in outcomes(self._endpoint.lines(f"/files/{file}/content"), outcome_of):
                    yield outcome

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()

    async def _batch(self, batch: str) -> _Batch:
        return await self._endpoint.ask(_Batch, "GET", f"/batches/{batch}")


def outcome_of(line: bytes) -> Outcome:
    """Read one line of results.

    Raises:
        ProviderUnreadable: It names no custom id.
    """
    try:
        result = _decode_result(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise ProviderUnreadable("provider_unreadable", "a line of the batch's results is unreadable") from wrong
    response = result.response
    if response is None or response.status_code != OK:
        status = "no response" if response is None else f"status {response.status_code}"
        return Outcome(result.custom_id, reason=(result.error and result.error.code) or status)
    try:
        return Outcome(result.custom_id, parse_reply(bytes(response.body), UNKNOWN))
    except ProviderUnreadable as wrong:
        return Outcome(result.custom_id, billed=wrong.tokens, reason=wrong.code)
