from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents.governance.ledger import Ledger
from streams.outcomes import Conflict, Done, InFlight, New, Standing
from tests.unit.governance.strategies import modest

ONE, OTHER = "1" * 32, "2" * 32


def test_a_request_is_new_once_then_in_flight_then_done() -> None:
    ledger = Ledger(10)
    assert ledger.admit("a", ONE) == New()
    assert ledger.admit("a", ONE) == InFlight()
    assert not ledger.has_ended("a")
    ledger.ended("a", ONE, 7)
    assert ledger.has_ended("a")
    assert ledger.admit("a", ONE) == Done(7)
    assert len(ledger) == 1


def test_another_request_under_the_same_id_is_a_conflict_and_changes_nothing() -> None:
    ledger = Ledger(10)
    ledger.admit("a", ONE)
    assert isinstance(ledger.admit("a", OTHER), Conflict)
    ledger.ended("a", ONE, 7)
    assert isinstance(ledger.admit("a", OTHER), Conflict)
    assert ledger.admit("a", ONE) == Done(7)


def test_offsets_of_any_size_come_back() -> None:
    ledger = Ledger(10)
    for number, offset in enumerate((0, 2**40, 2**63 - 1)):
        ledger.ended(str(number), ONE, offset)
        assert ledger.admit(str(number), ONE) == Done(offset)


def test_of_several_results_the_first_counts() -> None:
    ledger = Ledger(10)
    ledger.ended("a", ONE, 7)
    ledger.ended("a", OTHER, 8)
    assert ledger.admit("a", ONE) == Done(7)


def test_recovery_knows_what_is_under_way_unless_it_has_ended() -> None:
    ledger = Ledger(10)
    ledger.in_flight("a", ONE)
    ledger.ended("b", ONE, 3)
    ledger.in_flight("b", ONE)
    assert isinstance(ledger.admit("a", ONE), InFlight)
    assert ledger.admit("b", ONE) == Done(3)


def test_a_forgotten_request_is_new() -> None:
    ledger = Ledger(2)
    ledger.admit("flying", ONE)
    for offset, key in enumerate(("old", "young")):
        ledger.ended(key, ONE, offset)
    for key in ("flying", "old", "young", "never seen"):
        ledger.forget(key)
        assert isinstance(ledger.admit(key, OTHER), New)


def test_ended_ones_are_bounded_and_the_newest_half_is_kept() -> None:
    known = 100
    ledger = Ledger(known)
    for offset in range(10 * known):
        ledger.ended(str(offset), ONE, offset)
        assert len(ledger) <= known
        for kept in range(max(0, offset - known // 2 + 1), offset + 1, 7):
            assert ledger.has_ended(str(kept))
    assert not ledger.has_ended("0")


def test_ids_in_flight_are_never_dropped() -> None:
    ledger = Ledger(2)
    for number in range(50):
        ledger.admit(f"flying-{number}", ONE)
    for offset in range(50):
        ledger.ended(f"ended-{offset}", ONE, offset)
    assert all(isinstance(ledger.admit(f"flying-{number}", ONE), InFlight) for number in range(50))


def test_a_result_without_a_digest_is_known_all_the_same() -> None:
    ledger = Ledger(2)
    ledger.ended("a", "", 1)
    assert ledger.has_ended("a")
    assert isinstance(ledger.admit("a", ONE), Conflict)


KEYS = st.sampled_from("abc")
DIGESTS = st.sampled_from([ONE, OTHER])
OPERATIONS = st.tuples(st.sampled_from(["admit", "in_flight", "ended", "forget"]), KEYS, DIGESTS)


@modest
@given(st.lists(OPERATIONS, max_size=30))
def test_with_room_enough_it_is_a_plain_record_of_what_happened(operations: list[tuple[str, str, str]]) -> None:
    ledger = Ledger(1000)
    flying: dict[str, str] = {}
    done: dict[str, tuple[str, int]] = {}
    for offset, (operation, key, digest) in enumerate(operations):
        if operation == "admit":
            assert ledger.admit(key, digest) == _expected(key, digest, flying, done)
            if key not in flying and key not in done:
                flying[key] = digest
        elif operation == "in_flight":
            ledger.in_flight(key, digest)
            if key not in done:
                flying[key] = digest
        elif operation == "ended":
            ledger.ended(key, digest, offset)
            flying.pop(key, None)
            done.setdefault(key, (digest, offset))
        else:
            ledger.forget(key)
            flying.pop(key, None)
            done.pop(key, None)
        assert len(ledger) == len(flying) + len(done)


def _expected(key: str, digest: str, flying: dict[str, str], done: dict[str, tuple[str, int]]) -> Standing:
    if key in flying:
        return InFlight() if flying[key] == digest else Conflict()
    if key in done:
        known, offset = done[key]
        return Done(offset) if known == digest else Conflict()
    return New()


def test_an_id_alone_tells_what_is_under_way_or_has_its_result() -> None:
    ledger = Ledger(10)
    assert ledger.known("acme\0r1") is None
    ledger.admit("acme\0r1", "d1")
    assert ledger.known("acme\0r1") == InFlight()
    ledger.ended("acme\0r1", "d1", 7)
    assert ledger.known("acme\0r1") == Done(7)
