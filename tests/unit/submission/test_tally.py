from __future__ import annotations

import pytest

from streams.submission.tally import PACE_SECONDS, Pace


def test_the_pace_is_that_of_the_last_seconds() -> None:
    pace = Pace()
    assert pace.note(0.0, 0) == 0.0
    assert pace.note(1.0, 100) == pytest.approx(100.0)
    for second in range(2, 40):
        rate = pace.note(float(second), 100 + 10 * (second - 1))
    assert rate == pytest.approx(10.0)


def test_a_pause_brings_the_pace_down() -> None:
    pace = Pace()
    pace.note(0.0, 0)
    pace.note(1.0, 1000)
    assert pace.note(1.0 + PACE_SECONDS, 1000) == pytest.approx(0.0)
