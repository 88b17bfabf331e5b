from __future__ import annotations

from agents.cache.flights import STALE_SLACK, Flights
from tests.flow.journeys import NOW, a_journey, deadline


def test_those_who_waited_land_in_order_of_arrival() -> None:
    flights = Flights()
    flights.lead("f", "r0")
    waited = [a_journey() for _ in range(3)]
    for journey in waited:
        flights.hold("f", journey)
    assert (len(flights), flights.held) == (1, 3)
    assert flights.land("f") == waited
    assert (len(flights), flights.held) == (0, 0)
    assert flights.land("f") == []


def test_the_overdue_leave_and_the_others_stay() -> None:
    flights = Flights()
    flights.lead("f", "r0")
    late, later, patient = a_journey(constraints=deadline(1)), a_journey(constraints=deadline(9)), a_journey()
    for journey in (patient, later, late):
        flights.hold("f", journey)
    assert flights.next_deadline() == NOW + 1
    assert flights.overdue(NOW + 0.9) == []
    assert flights.overdue(NOW + 1) == [late]
    assert flights.next_deadline() == NOW + 9
    assert flights.land("f") == [patient, later]
    assert flights.overdue(NOW + 10) == []


def test_the_first_waiting_is_taken_out() -> None:
    flights = Flights()
    assert flights.first_waiting("f") is None
    first, second = a_journey(), a_journey()
    flights.hold("f", first)
    flights.hold("f", second)
    assert flights.first_waiting("f") is first
    assert flights.first_waiting("f") is second
    assert flights.first_waiting("f") is None


def test_deadlines_of_landed_flights_do_not_pile_up() -> None:
    flights = Flights()
    staying = a_journey(constraints=deadline(5))
    flights.hold("stays", staying)
    for number in range(3 * STALE_SLACK):
        flights.hold(f"f{number}", a_journey(constraints=deadline(86_400)))
        flights.land(f"f{number}")
    assert len(flights._deadlines) <= STALE_SLACK + 2
    assert flights.overdue(NOW + 5) == [staying]
