"""Which answers were taken out, as the log tells it, in whatever order it is heard."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.governance import CacheEvicted
from streams.evictions import ALL, Evictions, eviction_place, is_eviction, of_model, of_request

SELECTORS = (ALL, of_request("r1"), of_request("r2"), of_model("big"), of_model("small"))


def fact(selector: str, at: float, tenant: str = "acme") -> CacheEvicted:
    return CacheEvicted(tenant=tenant, selector=selector, evicted_at=datetime.fromtimestamp(at, UTC))


def told(evictions: Evictions, *facts: CacheEvicted) -> Evictions:
    for one in facts:
        name = eviction_place(one.tenant, one.selector).decode()
        evictions.apply(name, one.model_dump_json(exclude_none=True).encode())
    return evictions


@given(
    st.lists(st.builds(fact, st.sampled_from(SELECTORS), st.integers(1, 9), st.sampled_from(["acme", "zeta"]))),
    st.sampled_from(["acme", "zeta", "none"]),
    st.sampled_from(["r1", "r2", "r3"]),
    st.sampled_from(["big", "small", "other"]),
    st.integers(1, 10),
    st.randoms(use_true_random=False),
)
def test_an_answer_is_out_that_was_made_until_an_eviction_that_means_it(
    facts: list[CacheEvicted], tenant: str, request: str, model: str, answered: int, order: object
) -> None:
    order.shuffle(facts)  # type: ignore[attr-defined]  # hypothesis gives a random.Random and hides it
    meant = (ALL, of_request(request), of_model(model))
    expected = any(
        one.tenant == tenant and one.selector in meant and answered <= one.evicted_at.timestamp() for one in facts
    )
    assert told(Evictions(), *facts).covers(tenant, request, model, float(answered)) is expected


def test_whoever_keeps_answers_hears_of_news_only() -> None:
    heard: list[str] = []
    told(Evictions(heard.append), fact(ALL, 5), fact(ALL, 4), fact(ALL, 5), fact(ALL, 6), fact(ALL, 1, "zeta"))
    assert heard == ["acme", "acme", "zeta"]


def test_a_tombstone_ends_an_eviction() -> None:
    evictions = told(Evictions(), fact(ALL, 5))
    evictions.apply(eviction_place("acme", ALL).decode(), None)
    evictions.apply("acme/eviction", None)
    assert not evictions.covers("acme", "r1", "big", 1.0)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("acme/eviction/all", b"{}", "ignored a fact about evicted answers"),
        ("zeta/eviction/all", fact(ALL, 5).model_dump_json().encode(), "other evicted answers than its key names"),
        ("acme/eviction/all", b'{"tenant":"acme","selector":"few","evicted_at":"2026-11-27T00:00:00Z"}', "ignored"),
    ],
)
def test_what_is_no_fact_is_logged(name: str, value: bytes, message: str, caplog: pytest.LogCaptureFixture) -> None:
    evictions = Evictions()
    evictions.apply(name, value)
    assert message in caplog.text
    assert not evictions.covers("acme", "r1", "big", 1.0)
    assert not evictions.covers("zeta", "r1", "big", 1.0)


@pytest.mark.parametrize(
    ("name", "is_one"), [("acme/eviction/all", True), ("acme", False), ("acme/key/eviction", False), ("", False)]
)
def test_a_message_key_says_whether_it_is_an_eviction(name: str, *, is_one: bool) -> None:
    assert is_eviction(name) is is_one
