from __future__ import annotations

import json
import random

from agents.analytics.anomalies.rareness import MOST
from agents.analytics.anomalies.tails import PATIENCE, WITHHELD, Tails

AROUND = 3


def taught(tails: Tails, numbers: list[float], surprise: float = 0.0) -> list[float]:
    found = []
    for number in numbers:
        learned = tails.teach([number], surprise, [number])
        if learned is not None:
            found += learned
    return found


def test_a_point_teaches_once_those_after_it_were_usual() -> None:
    tails = Tails(1, AROUND)
    assert taught(tails, [1, 2, 3]) == []
    assert taught(tails, [4, 5]) == [1, 2]


def test_a_strange_point_teaches_nothing_nor_do_those_around_it() -> None:
    tails = Tails(1, AROUND)
    taught(tails, [1, 2, 3, 4])
    assert taught(tails, [99], surprise=WITHHELD) == []
    assert taught(tails, [5, 6, 7, 8, 9, 10, 11]) == [8]


def test_what_is_strange_for_long_teaches_all_the_same() -> None:
    tails = Tails(1, AROUND)
    numbers = [float(number) for number in range(PATIENCE + 10)]
    learned = taught(tails, numbers, surprise=WITHHELD)
    assert learned
    assert min(learned) >= PATIENCE


def test_points_of_which_nothing_was_expected_teach_nothing() -> None:
    tails = Tails(1, AROUND)
    assert [tails.teach([], 0.0, [1.0]) for _ in range(9)] == [None] * 9


def test_surprise_is_the_length_of_all_surprises_each_bounded() -> None:
    tails = Tails(2, 0)
    noise = random.Random(4)
    for _ in range(400):
        tails.teach([noise.expovariate(1), 0.0], 0.0)
    assert tails.surprise([0.5, 0.0]) == 0.0
    assert 0 < tails.surprise([7.0, 0.0]) < tails.surprise([9.0, 0.0]) < MOST
    assert tails.surprise([1e9, 1e9]) == MOST * 2**0.5


def test_a_restart_changes_nothing() -> None:
    tails = Tails(1, AROUND)
    taught(tails, [1, 2, 3, 4, 5])
    again = Tails.restored(json.loads(json.dumps(tails.state())))
    assert taught(again, [6, 7]) == taught(tails, [6, 7]) == [3, 4]
    assert again.state() == tails.state()
