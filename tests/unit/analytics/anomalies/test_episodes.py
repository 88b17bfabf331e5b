from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents.analytics.anomalies.episodes import CONFIRMED, LASTS, OPENS, QUIET, Episode, Episodes
from agents.analytics.anomalies.expectation import Expected
from tests.unit.analytics.anomalies.series import carried

EXPECTED = Expected(10.0, 1.0)
some_scores = st.lists(st.sampled_from([0.0, LASTS - 0.01, LASTS, OPENS, 0.9, 1.0]), max_size=80)


def fold(scores: list[float], episodes: Episodes | None = None, first: int = 0) -> list[Episode]:
    episodes = episodes or Episodes()
    found = [episodes.add(float(at), 100 * score, score, EXPECTED) for at, score in enumerate(scores, first)]
    return [each for each in found if each is not None]


def test_an_episode_has_start_end_severity_and_expected_range() -> None:
    opened, ended = fold([0, 0, 0.9, 0.95, 0.7, 0.99, *[0.0] * QUIET])
    assert opened == Episode(2, 3, 0.95, 95, 6, 14)
    assert ended == Episode(2, 5, 0.99, 99, 6, 14, over=True)


def test_a_lone_strange_point_is_no_episode() -> None:
    assert fold([0, 0, 1.0, 0, 0, 0, 1.0, 0, 0]) == []


def test_what_goes_on_is_told_once() -> None:
    assert len(fold([1.0] * 200)) == 1


def test_a_short_pause_ends_nothing() -> None:
    pause = [0.0] * (QUIET - 1)
    assert len(fold([1.0, 1.0, *pause, 1.0, *pause, 1.0, *pause])) == 1


def test_an_episode_stays_open_at_less_than_what_opens_it() -> None:
    assert len(fold([1.0, 1.0, *[LASTS] * 50])) == 1
    assert fold([LASTS] * 50) == []


def test_without_an_expectation_the_range_is_the_value_itself() -> None:
    episodes = Episodes()
    found = [episodes.add(at, 7.0, 1.0, None) for at in range(CONFIRMED)]
    assert found[-1] is not None
    assert (found[-1].low, found[-1].high) == (7, 7)


@given(scores=some_scores)
def test_episodes_open_and_end_in_turn_and_do_not_overlap(scores: list[float]) -> None:
    found = fold(scores)
    assert [each.over for each in found] == [place % 2 == 1 for place in range(len(found))]
    for opened, ended in zip(found[::2], found[1::2], strict=False):
        assert opened.start == ended.start <= ended.end
        assert opened.severity <= ended.severity
    for ended, opened in zip(found[1::2], found[2::2], strict=False):
        assert ended.end < opened.start


@given(scores=some_scores, cut=st.integers(0, 80))
def test_a_restart_changes_no_episode(scores: list[float], cut: int) -> None:
    first = Episodes()
    before = fold(scores[:cut], first)
    again = Episodes.restored(carried(first.state()))
    assert again.going_on == first.going_on
    assert before + fold(scores[cut:], again, len(scores[:cut])) == fold(scores)
