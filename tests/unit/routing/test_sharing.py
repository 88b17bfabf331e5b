"""A decision and the survey it names say together what the decision said alone."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given

from agents.routing.sharing import shared
from agents.routing.stage import RoutingStep
from schemas.settings import RoutingSettings
from schemas.wire import Choice
from tests.flow.journeys import NOW, a_journey
from tests.flow.models import decision_of, three_models
from tests.unit.routing.registries import Oracle
from tests.unit.schemas.contract_values import values_of


@given(choice=values_of(Choice))
def test_nothing_is_lost_between_the_two(choice: Choice) -> None:
    choice = msgspec.structs.replace(choice, survey=None)
    short, found = shared(choice)
    if found is None:
        assert short == choice
        assert not choice.lost
        return
    assert (short.survey, short.lost, bytes(short.candidates)) == (found.id, {}, b"{}")
    whole = msgspec.structs.replace(short, survey=None, candidates=found.candidates, lost=found.lost)
    assert whole.encoded() == choice.encoded()


@given(choice=values_of(Choice), other=values_of(Choice))
def test_the_id_tells_contents_apart_whatever_else_is_decided(choice: Choice, other: Choice) -> None:
    _, found = shared(choice)
    _, same = shared(
        msgspec.structs.replace(other, models=choice.models, candidates=choice.candidates, lost=choice.lost)
    )
    _, different = shared(msgspec.structs.replace(choice, lost={**choice.lost, "another": "costs more"}))
    assert different is not None
    if found is not None:
        assert same is not None
        assert found.id == same.id != different.id


def named(settings: RoutingSettings, oracle: Oracle | None = None, **fields: Any) -> bool:
    journey = a_journey(**fields)
    RoutingStep(three_models(), settings, oracle).process([journey], NOW)
    assert decision_of(journey).candidates != b"{}"
    return journey.findings is not None


def test_only_what_others_may_have_in_common_is_shared() -> None:
    assert named(RoutingSettings())
    assert not named(RoutingSettings(share_surveys=False))
    assert not named(RoutingSettings(), mode="explicit", model="big")
    assert not named(RoutingSettings(), Oracle(), prompt="even")
