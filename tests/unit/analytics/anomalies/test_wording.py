"""What people are told."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agents.analytics.anomalies.episodes import Episode
from agents.analytics.anomalies.webhook import IDEMPOTENCY_KEY, SIGNATURE, body_of, headers_of
from agents.analytics.anomalies.wording import NOTHING_STANDS_OUT, Told, cause, text_of, title_of
from agents.analytics.live.events import ended, opened
from schemas.anomaly import AnomalyEnded, Contribution, Metric

START = datetime(2026, 11, 27, 14, 5, tzinfo=UTC)
RUNAWAY = Contribution(dimension="user", value="u-17", before=0.02, now=2.8, share=0.92)
UNTAGGED = Contribution(dimension="tag:team", value="", before=0.0, now=1.0, share=0.5)
SPEND = Told("acme/spend/1", "acme", Metric.SPEND, START, None, 3.2, 0.4, 0.1, 0.7, (RUNAWAY,))


@pytest.mark.parametrize(
    ("told", "title"),
    [
        (SPEND, "Spend of acme is up: $3.20 a minute instead of $0.40 a minute, 8 times as much"),
        (replace(SPEND, observed=0.5), "Spend of acme is up: $0.50 a minute instead of $0.40 a minute"),
        (replace(SPEND, observed=0.003), "Spend of acme is down: $0.003 a minute instead of $0.40 a minute"),
        (replace(SPEND, expected=0.0), "Spend of acme is up: $3.20 a minute instead of $0 a minute"),
        (
            replace(SPEND, metric=Metric.REQUESTS, observed=0.0, expected=1234.5),
            "Requests of acme: none, where 1,234 requests a minute are expected",
        ),
        (
            replace(SPEND, metric=Metric.ERROR_RATE, observed=0.25, expected=0.2),
            "Error rate of acme is up: 25 % instead of 20 %",
        ),
        (
            replace(SPEND, metric=Metric.LATENCY, observed=2000.0, expected=800.0),
            "Latency of acme is up: 2,000 ms instead of 800 ms, 2.5 times as much",
        ),
        (
            replace(SPEND, metric=Metric.MODEL_MIX, observed=0.4, expected=0.01),
            "Mix of models of acme has changed: 40 % of the answers come from another model than usual",
        ),
        (
            replace(SPEND, end=START + timedelta(minutes=1)),
            "Spend of acme is as usual again after 1 minute",
        ),
        (
            replace(SPEND, end=START + timedelta(hours=5, minutes=30)),
            "Spend of acme is as usual again after 5.5 hours",
        ),
    ],
)
def test_titles(told: Told, title: str) -> None:
    assert title_of(told) == title


def test_the_text_says_since_when_what_was_expected_and_why() -> None:
    text = text_of(SPEND)
    assert "Since 2026-11-27 14:05 UTC." in text
    assert "it was $3.20 a minute; expected was between $0.10 a minute and $0.70 a minute" in text
    assert "- user u-17: 92 % of the change, from $0.02 a minute to $2.80 a minute" in text
    assert text.endswith("asahi anomalies show acme/spend/1")
    over = text_of(replace(SPEND, end=START + timedelta(minutes=9), contributions=()))
    assert "From 2026-11-27 14:05 to 2026-11-27 14:14 UTC." in over
    assert NOTHING_STANDS_OUT in over


def test_the_text_of_a_mix_speaks_of_shares() -> None:
    text = text_of(replace(SPEND, metric=Metric.MODEL_MIX, contributions=(UNTAGGED,)))
    assert "- no tag team: 50 % of the change, from 0 % to 100 %" in text


def test_a_cause_in_a_few_words() -> None:
    assert cause(RUNAWAY) == "user u-17 92 %"


EPISODE = Episode(START.timestamp(), START.timestamp() + 240, 0.91, 3.2, -0.1, 0.7)


def test_the_same_episode_has_the_same_id_whoever_finds_it() -> None:
    first = opened("acme", Metric.SPEND, EPISODE, (RUNAWAY,), now=START.timestamp() + 130, muted=False)
    again = opened("acme", Metric.SPEND, EPISODE, (), now=START.timestamp() + 999, muted=True)
    assert first.id == again.id == "acme/spend/2026-11-27T14:05Z/opened"
    assert (first.observed, first.expected, first.lower, first.upper) == (3.2, 0.3, 0.0, 0.7)
    over = ended(first.anomaly, "acme", Metric.SPEND, first.start, EPISODE, (), now=0.0, muted=False)
    assert over.end == START + timedelta(minutes=5)
    assert over.id == f"{first.anomaly}/ended"


def test_a_webhook_can_tell_who_speaks_and_what_it_has_heard_before() -> None:
    event = opened("acme", Metric.SPEND, EPISODE, (RUNAWAY,), now=0.0, muted=False)
    body = body_of(event)
    document = json.loads(body)
    assert (document["type"], document["subject"], document["text"]) == ("anomaly.opened", event.title, event.text)
    assert document["event"]["contributions"][0]["value"] == "u-17"
    headers = headers_of(event, body, "secret", 17)
    assert headers[IDEMPOTENCY_KEY] == event.id
    assert headers[SIGNATURE] == "t=17,v1=" + hmac.new(b"secret", b"17." + body, hashlib.sha256).hexdigest()
    assert SIGNATURE not in headers_of(event, body, "", 17)
    over = AnomalyEnded(**{**dict(event), "end": START})
    assert json.loads(body_of(over))["type"] == "anomaly.ended"
