"""Prompts that begin alike, one soon after the other, for which the provider's prompt cache gave no discount."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import orjson

from agents.recommendations.cases import Case, Cases
from agents.recommendations.kind import Kind
from agents.recommendations.making import About, Finding, Said, finding
from agents.recommendations.tally import Tally
from agents.recommendations.terms import Terms
from schemas.prices import cost_of
from schemas.recommendation import Confidence
from schemas.request import Request

NAME = "shared_prefix"
CHARS_PER_TOKEN = 4
Beginning = tuple[str, str, str]
"""Tenant, model, and the first characters."""


@dataclass(slots=True)
class _Last:
    """The last call with a beginning.

    Attributes:
        cold: It found nothing cached and nobody has come after it yet: whether it writes to the cache is not known.
        ready: When the beginning was in the cache: once the call that read it first had ended, in Unix seconds.
    """

    case: Case
    text: str
    cold: bool
    ready: float


@dataclass(slots=True)
class _Alike:
    """Requests of a tenant to a model that share their beginnings."""

    tally: Tally = field(default_factory=Tally)
    tokens: int = 0
    beginnings: set[str] = field(default_factory=set)
    looked_at: int = 0


class SharedPrefix:
    """Keeps what a provider's prompt cache would hold, for as long as it holds it, and prices calls by it."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._seconds = terms.settings.routing.prompt_cache_seconds
        self._least = terms.settings.routing.prompt_cache_min_tokens
        self._last: dict[Beginning, _Last] = {}
        self._groups: dict[tuple[str, str], _Alike] = defaultdict(_Alike)

    def add(self, facts: Cases) -> None:
        """Take in requests that are long enough for a prompt cache."""
        for case in facts:
            self._groups[case.request.tenant, case.result.model or ""].looked_at += 1
            text = text_of(case.request)
            beginning = (case.request.tenant, case.result.model or "", text[: self._least * CHARS_PER_TOKEN])
            last = self._last.get(beginning)
            if last is not None and case.received - last.case.received >= self._seconds:
                last = None
            if last is not None and case.received < last.ready:
                continue  # it came while the first one was read: nothing was cached yet
            if last is not None and self._count(case, text, last, beginning):
                self._last[beginning] = _Last(case, text, False, last.ready)
            else:
                self._last[beginning] = _Last(case, text, True, case.completed)
        if facts:
            self._forget(facts[-1].received)

    def found(self) -> list[Finding]:
        """Return one recommendation per tenant and model."""
        made = [self._made(*group, alike) for group, alike in self._groups.items()]
        return [one for one in made if one is not None]

    def _count(self, case: Case, text: str, last: _Last, beginning: Beginning) -> bool:
        """Count what a call would have read from the cache; return whether its beginning was long enough."""
        shared = _tokens(alike(text, last.text), text, case)
        if shared < self._least:
            return False
        group = self._groups[beginning[:2]]
        if last.cold and not last.case.result.usage.cached_input_tokens:
            written = min(shared, last.case.result.usage.input_tokens)
            self._add(group, last.case, {"cache_write_tokens": written})
        cached = case.result.usage.cached_input_tokens
        if cached < shared:
            self._add(group, case, {"cached_input_tokens": shared})
            group.tokens += shared - cached
            group.beginnings.add(beginning[2])
        return True

    def _add(self, group: _Alike, case: Case, tokens: dict[str, int]) -> None:
        """Count a call at what it costs by the price list with these tokens read from the cache or written to it."""
        spec = self._terms.registry.get(case.result.model or "")
        if spec is None:
            return
        billed, usage = case.result.usage, case.result.usage.model_copy(update=tokens)
        less = cost_of(billed, spec.price, batch=case.batched) - cost_of(usage, spec.price, batch=case.batched)
        group.tally.add(case, case.result.cost_usd - less)

    def _forget(self, now: float) -> None:
        gone = [key for key, last in self._last.items() if now - last.case.received >= self._seconds]
        for key in gone:
            del self._last[key]

    def _made(self, tenant: str, model: str, alike: _Alike) -> Finding | None:
        spec = self._terms.registry.get(model)
        if spec is None or not alike.tokens:
            return None
        price = spec.price
        written = "" if price.cache_write is None else f", {price.cache_write:f} for writing to the cache"
        return finding(
            NAME,
            About(tenant, model=model),
            Said(
                f"{len(alike.tally):,} requests to {model} begin as another one did less than {self._seconds:g} s "
                "before, and the provider billed the beginning in full.",
                f"have {' or '.join(spec.providers)} cache the beginnings: some providers do it by themselves where "
                "a prompt begins with the same bytes, others when the part is marked (Anthropic: cache_control)",
                Confidence.PREDICTED,
                {
                    "tokens read again at the full price": f"{alike.tokens:,}",
                    "shared beginnings": f"{len(alike.beginnings):,}",
                    "price per million tokens": f"{price.input:f} USD, {price.cached_input or price.input:f} where "
                    f"cached{written}",
                },
                {"model": model, "least": self._least},
            ),
            alike.tally,
            self._terms,
            looked_at=alike.looked_at,
        )


def text_of(request: Request) -> str:
    """Return what a provider reads, as far as beginnings can be compared: tools first, then what is said."""
    tools = "" if request.tools is None else orjson.dumps(request.tools).decode()
    if request.prompt is not None:
        return tools + request.prompt
    said = [orjson.dumps([each.role, each.content, each.tool_calls]).decode() for each in request.messages or ()]
    return tools + "\n".join(said)


def alike(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike; halves what is left, since comparing slices is fast."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _tokens(shared: int, text: str, case: Case) -> int:
    """Return how many billed tokens a number of characters is, in proportion and rounded down."""
    return case.result.usage.input_tokens * shared // max(1, len(text))


SHARED_PREFIX = Kind(
    NAME,
    "beginnings not cached",
    SharedPrefix,
    cases="status = 'completed' AND input_tokens >= {least:UInt64}",
    values=lambda terms: {"least": terms.settings.routing.prompt_cache_min_tokens},
)
