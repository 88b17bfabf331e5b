from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.stage import Flow
from streams.tenancy.fold import MS_DIGITS, note_time
from tests.flow.journeys import NOW, a_journey
from tests.unit.governance.strategies import modest

ages = st.sampled_from([0.0, 0.001, 0.25]) | st.floats(-1.0, 100.0)
spent_before = st.none() | st.floats(0.0, 1e6).map(lambda spent: round(spent, MS_DIGITS))


@modest
@given(st.lists(st.tuples(ages, spent_before), max_size=6))
def test_every_journey_is_charged_with_its_own_time(journeys: list[tuple[float, float | None]]) -> None:
    flow = Flow()
    for age, before in journeys:
        one = a_journey()
        one.entered_at = NOW - age
        one.stages_ms = {"other": 1.0} if before is None else {"cache": before}
        flow.onward.append(one)
    expected = [
        round((before or 0.0) + (NOW - one.entered_at) * 1000.0, MS_DIGITS)
        for one, (_, before) in zip(flow.onward, journeys, strict=True)
    ]
    assert note_time("cache", flow, lambda: NOW) == NOW
    assert [one.stages_ms["cache"] for one in flow.onward] == expected
