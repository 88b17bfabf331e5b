from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agents.routing.stage import RoutingStep
from agents.routing.warmth import REMEMBERED, PromptCaches
from schemas.batch import Cut, SharedPrefix
from schemas.request import Request
from schemas.settings import RoutingSettings
from tests.flow.journeys import NOW, a_journey, a_request
from tests.flow.models import a_model, a_registry

SETTINGS = RoutingSettings(prompt_cache_seconds=300, prompt_cache_min_tokens=1000)
LONG = "x" * 8_000
FIRST = {"role": "system", "content": LONG}
QUESTION = {"role": "user", "content": "and now?"}
ANSWER = {"role": "assistant", "content": "this"}


def asking(*messages: dict[str, Any], **fields: Any) -> Request:
    return a_request(messages=list(messages), **fields)


def warm(caches: PromptCaches, request: Request, at: float = NOW) -> dict[str, int]:
    return dict(caches.warm(caches.beginnings(request, 5_000), at))


def test_a_conversation_finds_the_cache_of_its_past_warm() -> None:
    caches = PromptCaches(SETTINGS)
    opening = asking(FIRST, QUESTION)
    assert warm(caches, opening) == {}
    caches.note(caches.beginnings(opening, 5_000), "big", NOW)
    found = warm(caches, asking(FIRST, QUESTION, ANSWER, QUESTION), NOW + 299)
    assert set(found) == {"big"}
    assert found["big"] > 2_000
    assert warm(caches, asking(FIRST, QUESTION, ANSWER, QUESTION), NOW + 300) == {}


def test_the_longest_beginning_counts_for_each_model() -> None:
    caches = PromptCaches(SETTINGS)
    caches.note(caches.beginnings(asking(FIRST), 5_000), "small", NOW)
    caches.note(caches.beginnings(asking(FIRST, QUESTION, ANSWER), 5_000)[1:], "big", NOW)
    found = warm(caches, asking(FIRST, QUESTION, ANSWER, QUESTION))
    assert list(found) == ["big", "small"]
    assert found["big"] > found["small"]


@pytest.mark.parametrize(
    "other",
    [
        asking({"role": "user", "content": LONG}, QUESTION),
        asking({"role": "system", "content": LONG + "y"}, QUESTION),
        asking(FIRST, QUESTION, tools=[{"type": "function"}]),
        asking(FIRST, QUESTION, tenant="other"),
        a_request(prompt=LONG),
    ],
)
def test_another_beginning_is_cold(other: Request) -> None:
    caches = PromptCaches(SETTINGS)
    caches.note(caches.beginnings(asking(FIRST, QUESTION), 5_000), "big", NOW)
    assert warm(caches, other) == {}


def test_what_providers_do_not_cache_is_not_looked_at() -> None:
    short = asking({"role": "user", "content": "hi"}, QUESTION)
    assert PromptCaches(SETTINGS).beginnings(short, 20) == []
    assert PromptCaches(SETTINGS).beginnings(short, 2_000) == []
    off = RoutingSettings(prompt_cache_seconds=0)
    assert PromptCaches(off).beginnings(asking(FIRST), 5_000) == []


def test_the_oldest_beginnings_are_forgotten() -> None:
    caches = PromptCaches(SETTINGS)
    caches.note(caches.beginnings(asking(FIRST), 5_000), "big", NOW)
    beginning = caches.beginnings(asking(FIRST, QUESTION), 5_000)[1]
    caches.note([beginning._replace(digest=str(n).encode()) for n in range(REMEMBERED)], "big", NOW)
    assert warm(caches, asking(FIRST)) == {}


def test_a_model_that_charges_for_writing_has_only_what_was_marked() -> None:
    price = {"input": 3, "cached_input": "0.3", "cache_write": "3.75", "output": 15}
    caches = PromptCaches(SETTINGS, a_registry(a_model("charging", price=price), a_model("free")))
    beginnings = caches.beginnings(asking(FIRST, QUESTION), 5_000)
    marked = caches.marked(SharedPrefix((Cut(1, 0, 1_900, "ab" * 16),), "ab" * 16))
    caches.note(beginnings, "charging", NOW)
    assert caches.warm(beginnings + marked, NOW) == ()
    caches.note(beginnings + marked, "charging", NOW)
    assert caches.warm(beginnings + marked, NOW) == (("charging", 1_900),)
    caches.note(beginnings, "free", NOW)
    assert "free" in dict(caches.warm(beginnings, NOW))


def test_a_marked_call_is_expected_to_write_first_and_to_read_then() -> None:
    price = {"input": 3, "cached_input": "0.3", "cache_write": "3.75", "output": 15}
    routing = RoutingStep(a_registry(a_model("big", price=price)), SETTINGS)
    costs = []
    for prefix in (None, SharedPrefix((Cut(1, 0, 4_000, "ab" * 16),), "ab" * 16)):
        for at in (NOW, NOW + 1):
            journey = a_journey(input_tokens=5_000, messages=[FIRST, QUESTION])
            journey.prefix = prefix
            [routed] = routing.process([journey], at).onward
            choice = msgspec.json.decode(routed.choice or b"")
            costs.append(Decimal(choice["expected_cost_usd"]))
            assert choice.get("marked_tokens", 0) == (4_000 if prefix else 0)
    plain, again, writing, reading = costs
    assert plain == again
    assert writing - plain == 4_000 * Decimal("0.75") / 1_000_000
    assert plain - reading == 4_000 * Decimal("2.7") / 1_000_000
