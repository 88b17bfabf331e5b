"""In which minutes workers were there."""

from __future__ import annotations

import pytest

from agents.analytics.live.uptime import Uptime, covered
from schemas.settings import KafkaSettings


@pytest.mark.parametrize(
    ("said", "there"),
    [
        ([55, 60, 65, 70, 75, 80, 85, 90, 95, 100, 105, 110, 115], True),
        ([46, 61, 76, 91, 106], True),
        ([45, 60, 75, 90, 105], True),
        ([], False),
        ([59], False),
        ([61, 75, 90, 105], False),
        ([55, 70, 86, 100, 110], False),
        ([55, 70, 85, 100], False),
        ([10, 20, 55, 65, 75, 85, 95, 105, 115, 200], True),
    ],
)
def test_somebody_was_there_all_the_minute(said: list[float], there: bool) -> None:
    assert covered(said, 60, 120) is there


def test_a_minute_in_which_anybody_had_a_result_was_up() -> None:
    uptime = Uptime(KafkaSettings())
    uptime.active([7])
    assert uptime.up(7)
    assert not uptime.up(8)
    uptime.forget(8)
    assert not uptime.up(7)
