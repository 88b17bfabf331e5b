"""In flight is what was admitted and has not ended, whatever happens in between."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agents.governance.rates.in_flight import InFlight
from tests.unit.governance.strategies import modest

CHAINS = (("acme",), ("acme", "acme/team/search"), ("acme", "acme/team/search", "acme/user/amara"), ("beta",))
PLACES = sorted({place for places in CHAINS for place in places})
keys = st.integers(0, 9).map(str)
chains = st.sampled_from(CHAINS)


class Life(RuleBasedStateMachine):
    """Requests come, come again and end; now and then a successor learns from the log what is under way."""

    def __init__(self) -> None:
        super().__init__()
        self.counted = InFlight()
        self.under_way: dict[str, tuple[str, ...]] = {}

    @rule(key=keys, places=chains)
    def admitted(self, key: str, places: tuple[str, ...]) -> None:
        """A request comes; when it is redelivered its scopes may have changed."""
        self.counted.begin(key, places)
        self.under_way.setdefault(key, places)

    @rule(key=keys)
    def ended(self, key: str) -> None:
        """A result is durable; of several the first counts, and others come too."""
        self.counted.end(key)
        self.under_way.pop(key, None)

    @rule(repeats=st.integers(1, 2))
    def restarted(self, repeats: int) -> None:
        """A successor hears of each call under way, perhaps more than once."""
        self.counted = InFlight()
        for _ in range(repeats):
            for key, places in reversed(self.under_way.items()):
                self.counted.begin(key, places)

    @invariant()
    def is_admitted_minus_ended(self) -> None:
        """Each scope's count is that of its requests under way."""
        assert len(self.counted) == len(self.under_way)
        for place in PLACES:
            assert self.counted.count(place) == sum(place in places for places in self.under_way.values())


TestLife = Life.TestCase
TestLife.settings = modest


@modest
@given(st.lists(st.tuples(keys, chains)))
def test_nothing_is_left_when_everything_has_ended(admitted: list[tuple[str, tuple[str, ...]]]) -> None:
    counted = InFlight()
    for key, places in admitted:
        counted.begin(key, places)
    assert all(key in counted for key, _ in admitted)
    for key, _ in admitted:
        counted.end(key)
    assert counted._counts == {}
    assert len(counted) == 0
