"""What became of requests that met faults, beside what the providers' own books say of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from tests.servers.faults import Fault
from tests.servers.ledger import USD_PER_TOKEN, ProviderLedger

CODES = {
    Fault.RATE_LIMITED: "provider_rate_limited",
    Fault.SERVER_ERROR: "provider_overloaded",
    Fault.UNAVAILABLE: "provider_overloaded",
    Fault.OVERLOADED: "provider_overloaded",
    Fault.DROPPED: "provider_unreachable",
    Fault.BROKEN_OFF: "provider_unreachable",
    Fault.TRUNCATED: "provider_unreadable",
    Fault.MALFORMED: "provider_unreadable",
    Fault.HUNG: "provider_timeout",
    Fault.CONTENT_FILTER: "provider_content_filter",
    Fault.CONTEXT_LENGTH: "provider_context_length",
    Fault.BAD_REQUEST: "provider_bad_request",
}
"""What a request is told whose last call met this; the other faults leave an answer."""
NOT_ASKED = "provider_circuit_open"
"""What it is told when its last provider was not asked at all."""
TOLD = frozenset({None, Fault.SLOW_BODY, Fault.CONTENT_FILTER})
"""After these the provider has told what it charged; after others nobody can know it, or it told nonsense."""
ANSWERED = frozenset({"completed", "cached"})

Calls = Mapping[str, Sequence[tuple[int, Fault | None]]]


class Told(msgspec.Struct):
    """The code of a failed result."""

    code: str


class Ended(msgspec.Struct):
    """What is read of a result."""

    id: str
    status: str
    attempts: int = 0
    cost_usd: Decimal = Decimal(0)
    error: Told | None = None

    @property
    def code(self) -> str | None:
        """Of its error, if it has one."""
        return None if self.error is None else self.error.code


@dataclass(frozen=True, slots=True)
class Books:
    """One provider's: what it received, what each call met, what it charged."""

    ledger: ProviderLedger
    calls: Calls


@dataclass(slots=True)
class Outcome:
    """Results against faults.

    Attributes:
        agreeing: Results by what they are told, where it is what their last call met.
        not_asked: Results that say truly that the last provider was not asked.
        wrong: The other results: id, code, and what the last call met.
    """

    agreeing: Counter[str] = field(default_factory=Counter)
    not_asked: int = 0
    wrong: list[tuple[str, str | None, str | None]] = field(default_factory=list)


def judged(results: Iterable[Ended], books: Iterable[Books]) -> Outcome:
    """Compare what each result says with what its last call met."""
    kept = tuple(books)
    found = Outcome()
    for result in results:
        calls = [call for book in kept for call in book.calls.get(result.id, ())]
        met = max(calls, key=lambda call: call[0])[1] if calls else None
        right = None if met is None else CODES.get(met)
        if result.code == right and (right is not None or (calls and result.status in ANSWERED)):
            found.agreeing[right or result.status] += 1
        elif result.code == NOT_ASKED:
            found.not_asked += 1
        else:
            found.wrong.append((result.id, result.code, None if met is None else met.name.lower()))
    return found


@dataclass(slots=True)
class Charges:
    """The providers' charges against usage rows, by request and provider.

    Attributes:
        equal: Charged and booked to the same amount.
        nonsense: Booked as the answer said, which was wrong.
        unknowable: Charged, for an answer that never came whole.
        booked_only: Booked and never charged.
        wrong: Charged, told, and booked to another amount.
    """

    equal: int = 0
    nonsense: int = 0
    unknowable: int = 0
    booked_only: int = 0
    wrong: list[tuple[str, str, str, str]] = field(default_factory=list)
    charged_usd: Decimal = Decimal(0)
    booked_usd: Decimal = Decimal(0)
    equal_usd: Decimal = Decimal(0)


def audited(books: Mapping[str, Books], booked: Mapping[tuple[str, str], Decimal]) -> Charges:
    """Compare what the providers charged with what was booked.

    Args:
        books: By provider.
        booked: US dollars by provider and request id, from the usage table.
    """
    found = Charges(booked_usd=sum(booked.values(), Decimal(0)))
    charged = dict(_charged(books))
    found.charged_usd = sum(charged.values(), Decimal(0))
    for key, amount in charged.items():
        faults = [met for _, met in books[key[0]].calls[key[1]]]
        paid = booked.get(key)
        if paid == amount:
            found.equal += 1
            found.equal_usd += amount
        elif Fault.WRONG_USAGE in faults:
            found.nonsense += 1
        elif paid is None and faults[-1] not in TOLD:
            found.unknowable += 1
        else:
            found.wrong.append((*key, str(amount), str(paid)))
    found.booked_only = len(booked.keys() - charged.keys())
    return found


def _charged(books: Mapping[str, Books]) -> Iterator[tuple[tuple[str, str], Decimal]]:
    for provider, book in books.items():
        for request_id, tokens in book.ledger.charged_tokens.items():
            yield (provider, request_id), tokens * USD_PER_TOKEN


def limits_of(ledger: ProviderLedger) -> dict[str, Any]:
    """Return the most that a provider counted in any minute, beside its limits."""
    return {
        "requests_per_minute": ledger.requests_per_minute,
        "most_requests_in_a_minute": ledger.requests.most,
        "most_requests_in_six_seconds": ledger.glimpse.most,
        "tokens_per_minute": ledger.tokens_per_minute,
        "most_tokens_in_a_minute": ledger.tokens.most,
        "refused_for_a_limit": ledger.over_limit,
    }


def partitions_of(logs: Mapping[str, str]) -> dict[str, int]:
    """Return how many partitions each worker has, from the workers' logs."""
    found = dict.fromkeys(logs, 0)
    for worker, text in logs.items():
        for line in text.splitlines():
            if "partitions gained" in line:
                found[worker] = msgspec.json.decode(line)["partitions"]
    return found


def circuits(logs: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return how often each worker's breakers opened and closed, and how they were last, from the workers' logs."""
    found: dict[str, dict[str, Any]] = {}
    for worker, text in logs.items():
        for line in text.splitlines():
            if "circuit breaker is" not in line:
                continue
            said = msgspec.json.decode(line)
            state = said["message"].rpartition(" ")[2]
            name = f"{worker}/{said['provider']}/{said['model']}"
            breaker = found.setdefault(name, {"opened": 0, "closed": 0, "last": state})
            breaker["opened"] += state == "open"
            breaker["closed"] += state == "closed"
            breaker["last"] = state
    return found
