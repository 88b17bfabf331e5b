"""The exact tier: answers by fingerprint, bounded in number and bytes, each with its time of expiry and its worth."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from agents.cache.portion import Portion
from schemas.batch import Completion, Target
from schemas.prices import list_cost_of
from schemas.registry import ModelRegistry
from schemas.wire import Answer, Tokens
from streams.catchall import Bug, contain

ENTRY_BYTES = 850
"""Memory of an entry besides its text: key, slots, tokens, target, ids, rank (831 bytes by tracemalloc)."""
TOKEN_USD = 1e-9
"""Worth of a token besides its price: an answer of a model that costs nothing takes its time all the same."""
NO_TOKENS = Tokens()
QUESTION_BYTES = 1_600
"""Memory of a question besides its text: its embedding in an index, and what the look-up keeps about it."""
TOOL_CALL_BYTES = 600
"""Memory of a tool call besides its JSON: dictionaries and short strings (573 bytes by tracemalloc)."""
SERVED_AGAIN = frozenset({None, "stop", "length", "tool_calls", "function_call"})
"""Finish reasons of answers worth serving again; see `worth_keeping`."""


@dataclass(slots=True)
class Entry:
    """An answer that may be served again.

    Attributes:
        source_request_id: The request it was made for.
        filled_at: Unix seconds at which the model had answered.
        expires_at: Unix seconds from which it is no longer served.
        size: Estimated bytes of memory.
        data_key: Under which the request was sealed; None for one in plain text.
        tenant: Whose it is.
        worth: Dollars that each use saves: what it would cost to have it answered again.
        uses: How often it was wanted, the first time included.
        rank: Among those of its tenant; see `agents.cache.portion`.
        turn: Number of its coming, among those of its tenant.
    """

    answer: Answer
    tokens: Tokens
    answered_by: Target
    source_request_id: str
    filled_at: float
    expires_at: float
    size: int
    data_key: str | None = None
    tenant: str = ""
    worth: float = 0.0
    uses: int = 0
    rank: float = 0.0
    turn: int = 0


def worth_keeping(answer: Answer) -> bool:
    """Return whether an identical request should get this answer again.

    - `stop` and an unnamed reason: the answer is whole.
    - `length`: the limit is part of the fingerprint, so another call would be cut at the same place. One-token
      classifications always end like this.
    - `tool_calls`: what the model asks for follows from the conversation and the tools, both in the fingerprint; the
      client runs the tools, not the model.
    - `content_filter`, errors and reasons unknown here: the provider's mood of the moment, asked for again next time.
    - Nothing said at all: never worth keeping.
    """
    return answer.finish_reason in SERVED_AGAIN and bool(answer.content or answer.tool_calls)


def size_of(answer: Answer) -> int:
    """Return the estimated bytes of memory an entry with this answer takes."""
    size = ENTRY_BYTES
    if answer.content is not None:
        size += sys.getsizeof(answer.content)
    if answer.tool_calls is not None:
        size += len(msgspec.json.encode(answer.tool_calls)) + TOOL_CALL_BYTES * len(answer.tool_calls)
    return size


def entry_of(completion: Completion, registry: ModelRegistry) -> Entry:
    """Return the answer as a cache entry; it ages from the call's end, not from when this worker heard of it."""
    assert completion.answer is not None
    assert completion.answered_by is not None, "an answer names the model that gave it"
    call = completion.answering_call()
    passenger = completion.passenger
    tokens = NO_TOKENS if call is None else call.tokens
    worth = contain(lambda: _worth(tokens, completion.answered_by, registry), "cache")
    return Entry(
        answer=completion.answer,
        tokens=tokens,
        answered_by=completion.answered_by,
        source_request_id=passenger.id,
        filled_at=completion.completed_at,
        expires_at=completion.completed_at + passenger.cache_ttl_seconds,
        size=size_of(completion.answer),
        data_key=passenger.data_key,
        tenant=passenger.tenant,
        worth=0.0 if isinstance(worth, Bug) else worth,  # without a price it is still an answer
    )


def _worth(tokens: Tokens, answered_by: Target | None, registry: ModelRegistry) -> float:
    """Return what it would cost to have an answer made again, in dollars."""
    model = None if answered_by is None else registry.get(answered_by.model)
    time = TOKEN_USD * (tokens.input_tokens + tokens.output_tokens)
    return time if model is None else time + float(list_cost_of(tokens, model.price))


class Cache:
    """The exact tier of one partition: what saves the least money for its bytes goes first.

    Whoever holds no more than an equal share of it, in number and in bytes, never loses an answer to another tenant.

    Args:
        max_entries: Most entries kept.
        max_bytes: Most bytes kept, as `size_of` estimates them.
        dropped: Told the fingerprint of every entry that goes.
        tenant_share: Most of both that one tenant may hold, in (0, 1].
    """

    def __init__(
        self,
        max_entries: int,
        max_bytes: int,
        dropped: Callable[[str], object] | None = None,
        tenant_share: float = 1.0,
    ) -> None:
        self._dropped = dropped
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._most_entries = max(1, int(max_entries * tenant_share))
        self._most_bytes = int(max_bytes * tenant_share)
        self._entries: dict[str, Entry] = {}
        self._portions: OrderedDict[str, Portion] = OrderedDict()
        self.used_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, fingerprint: str, now: float, max_age: float) -> Entry | None:
        """Return the entry if it may be served now to someone who wants it no older than `max_age` seconds."""
        entry = self._entries.get(fingerprint)
        if entry is None:
            return None
        if now >= entry.expires_at:
            self._drop(fingerprint)
            return None
        if now - entry.filled_at >= max_age:
            return None  # too old for this reader, not for others
        self._portions[entry.tenant].use(entry)
        return entry

    def put(self, fingerprint: str, entry: Entry, now: float) -> bool:
        """Keep an entry; return whether it is kept.

        It is not when it has expired, is older than the present one, exceeds the cache, or is worth less for its
        bytes than all that its tenant would have to give up for it.
        """
        if now >= entry.expires_at or entry.size > self._most_bytes:
            return False
        present = self._entries.get(fingerprint)
        if present is not None:
            if present.filled_at > entry.filled_at:
                return False
            entry.uses = present.uses - 1  # what is asked for again and again is so with a newer answer, too
            self._drop(fingerprint)
        portion = self._portions.get(entry.tenant)
        if portion is None:
            portion = self._portions[entry.tenant] = Portion()
        self._entries[fingerprint] = entry
        self.used_bytes += entry.size
        portion.add(fingerprint, entry, self._entries)
        while portion.entries > self._most_entries or portion.used_bytes > self._most_bytes:
            self._drop(portion.least(self._entries))
        while len(self._entries) > self._max_entries:
            self._drop(self._first_above(lambda held: held.entries, self._max_entries).least(self._entries))
        while self.used_bytes > self._max_bytes:
            self._drop(self._first_above(lambda held: held.used_bytes, self._max_bytes).least(self._entries))
        return fingerprint in self._entries

    def drop(self, doomed: Callable[[Entry], bool]) -> None:
        """Drop every entry of which this holds; looks through all of them."""
        for fingerprint in [name for name, entry in self._entries.items() if doomed(entry)]:
            self._drop(fingerprint)

    def _first_above(self, held: Callable[[Portion], int], most: int) -> Portion:
        """Return a portion that is above an equal share; there is one wherever all together are above `most`."""
        portions = self._portions
        while True:
            tenant = next(iter(portions))
            if held(portions[tenant]) * len(portions) > most:
                return portions[tenant]
            portions.move_to_end(tenant)

    def _drop(self, fingerprint: str) -> None:
        entry = self._entries.pop(fingerprint)
        self.used_bytes -= entry.size
        portion = self._portions[entry.tenant]
        portion.remove(entry)
        if not portion.entries:
            del self._portions[entry.tenant]
        if self._dropped is not None:
            self._dropped(fingerprint)
