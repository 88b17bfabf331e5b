"""What was told, folded from events in any order and more than once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from agents.analytics.anomalies.episodes import Episode
from agents.analytics.live.events import ended, opened, published
from agents.analytics.live.journal import APART, Journal
from schemas.anomaly import AnomaliesMuted, AnomalyOpened, Metric
from streams.topics import ANOMALIES, ANOMALIES_MUTED

START = datetime(2026, 11, 27, 14, 5, tzinfo=UTC)
EPISODE = Episode(START.timestamp(), START.timestamp() + 240, 0.9, 3.0, 0.1, 0.7)
FIRST = opened("acme", Metric.SPEND, EPISODE, (), now=0.0, muted=False)
OVER = ended(FIRST.anomaly, "acme", Metric.SPEND, START, EPISODE, (), now=0.0, muted=False)


def apply(journal: Journal, event: AnomalyOpened) -> None:
    told = published(event)
    journal.apply(dict(told.headers)["ce_type"].decode(), told.value)


def mute(journal: Journal, until: datetime, metric: Metric | None = None, anomaly: str | None = None) -> None:
    fact = AnomaliesMuted(
        id="m", tenant="acme", metric=metric, anomaly=anomaly, until=until, muted_by="noor", muted_at=START
    )
    journal.apply(ANOMALIES_MUTED.ce_type, fact.model_dump_json().encode())


def test_an_anomaly_is_open_until_it_ends_however_often_it_is_told() -> None:
    journal = Journal()
    assert not journal.is_told("acme", Metric.SPEND, START)
    apply(journal, FIRST)
    assert [known.id for known in journal.open_ones("acme")] == [FIRST.anomaly]
    assert journal.open_ones("beta") == []
    apply(journal, OVER)
    apply(journal, FIRST)
    assert journal.open_ones("acme") == []
    newest = journal.newest("acme", Metric.SPEND)
    assert newest is not None
    assert newest.end == OVER.end


def test_an_episode_that_begins_a_little_differently_when_judged_again_is_the_same() -> None:
    journal = Journal()
    apply(journal, FIRST)
    assert journal.is_told("acme", Metric.SPEND, START + timedelta(minutes=3))
    apply(journal, OVER)
    assert journal.is_told("acme", Metric.SPEND, OVER.end + APART)
    assert not journal.is_told("acme", Metric.SPEND, OVER.end + APART + timedelta(minutes=1))
    assert not journal.is_told("acme", Metric.REQUESTS, START)


def test_mutes_hold_for_what_they_name_until_they_end() -> None:
    for metric, anomaly in ((None, None), (Metric.SPEND, None), (None, FIRST.anomaly), (Metric.SPEND, FIRST.anomaly)):
        journal = Journal()
        mute(journal, START + timedelta(hours=1), metric, anomaly)
        assert journal.is_muted("acme", Metric.SPEND, FIRST.anomaly, START)
        assert not journal.is_muted("acme", Metric.SPEND, FIRST.anomaly, START + timedelta(hours=1))
        assert not journal.is_muted("beta", Metric.SPEND, FIRST.anomaly, START)
        if metric is not None or anomaly is not None:
            assert not journal.is_muted("acme", Metric.REQUESTS, "another", START)
        mute(journal, START, metric, anomaly)
        assert not journal.is_muted("acme", Metric.SPEND, FIRST.anomaly, START)


def test_a_copy_goes_its_own_way() -> None:
    journal = Journal()
    other = journal.copy()
    apply(other, FIRST)
    assert journal.newest("acme", Metric.SPEND) is None


def test_what_cannot_be_read_is_passed_over() -> None:
    journal = Journal()
    for kind in (ANOMALIES.ce_type, ANOMALIES_MUTED.ce_type, None, "another"):
        journal.apply(kind, b"{")
        journal.apply(kind, None)
    assert journal.newest("acme", Metric.SPEND) is None
