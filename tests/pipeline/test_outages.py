"""A provider in trouble, as routing sees it: later requests go to another model until it may be asked again."""

from __future__ import annotations

from typing import Any

from agents.providers.scripted import Scripted
from schemas.errors import ProviderOverloaded
from schemas.settings import ProviderSettings
from tests.flow.models import a_model, a_registry
from tests.pipeline.rig import Rig, ask, serve, settings

BUSY = ProviderOverloaded("provider_overloaded", "status 500")
FAILURES = 3
OPEN_SECONDS = 5.0
FRAGILE = ProviderSettings(
    kind="simulated", attempts=1, breaker_calls=FAILURES, breaker_open_seconds=OPEN_SECONDS, breaker_probes=1
)
CHEAP = a_model("cheap", providers=["east"])
DEAR = a_model("dear", providers=["west"], price={"input": 9, "output": 9})


def served(pause: float, count: int) -> tuple[list[dict[str, Any]], Rig]:
    """Return the results of requests sent one after the other, the first ones while the cheap provider fails."""
    providers = {"east": Scripted([BUSY] * FAILURES), "west": Scripted()}
    common = settings(providers={"east": FRAGILE, "west": ProviderSettings(kind="simulated")})
    rig = Rig(common, a_registry(CHEAP, DEAR), providers)
    serve(rig, *(ask(f"r{number}") for number in range(count)), pause=pause)
    return [rig.results()[f"r{number}"][0] for number in range(count)], rig


def test_requests_go_to_another_model_while_a_provider_is_out_of_order_and_the_decision_says_why() -> None:
    (*failing, after), rig = served(pause=0.2, count=FAILURES + 1)
    assert [(result["model"], result["attempts"]) for result in failing] == [("dear", 2)] * FAILURES
    assert {result["decision"]["reason"] for result in failing} == {
        "cheap is the cheapest of 2 models that meet the constraints."
    }
    assert (after["model"], after["attempts"]) == ("dear", 1)
    assert rig.decision(after)["lost"] == {"cheap": "out of order: east"}
    assert after["decision"]["reason"] == "dear is the cheapest as the only model that meets the constraints."


def test_the_provider_is_asked_again_once_a_probe_is_due() -> None:
    results, _ = served(pause=2.0, count=FAILURES + 4)
    assert [result["model"] for result in results] == ["dear"] * (FAILURES + 2) + ["cheap"] * 2
