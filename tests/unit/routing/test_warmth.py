from __future__ import annotations

from typing import Any

import pytest

from agents.routing.warmth import REMEMBERED, PromptCaches
from schemas.request import Request
from schemas.settings import RoutingSettings
from tests.flow.journeys import NOW, a_request

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
