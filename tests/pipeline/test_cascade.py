"""A cascade through the whole pipeline: what is asked, what is delivered, what is paid."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from agents.providers.protocol import Prompt, Reply
from schemas.errors import ProviderContentFiltered, ProviderOverloaded, ProviderRefused
from schemas.settings import ProviderSettings, RoutingSettings, WindowSettings
from schemas.wire import Answer, Tokens
from tests.pipeline.rig import Rig, ask, serve, settings
from tests.pipeline.traffic import in_seconds

COMMON = settings()
GOOD = Answer("Paris.", None, "stop")
REFUSAL = Answer("I'm sorry, I cannot help with that.", None, "stop")
TOKENS = Tokens(1000, 0, 100)
SMALL_USD, MIDDLE_USD, BIG_USD = Decimal("0.00014"), Decimal("0.0028"), Decimal("0.013")
Said = Answer | Exception


class ByModel:
    """Answers as it is told for each model, after some seconds."""

    def __init__(self, said: Mapping[str, Said], seconds: Mapping[str, float] | None = None) -> None:
        self.said = said
        self.seconds = seconds or {}
        self.asked: list[str] = []

    def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply | Awaitable[Reply]:
        """Answer, at once where nothing is said of time."""
        del prompt, attempt
        self.asked.append(model)
        return self._later(model) if model in self.seconds else self._now(model)

    async def _later(self, model: str) -> Reply:
        await asyncio.sleep(self.seconds[model])
        return self._now(model)

    def _now(self, model: str) -> Reply:
        said = self.said[model]
        if isinstance(said, Exception):
            raise said
        return Reply(said, TOKENS)

    async def close(self) -> None:
        """Nothing is held."""


def answered(provider: ByModel, **fields: Any) -> tuple[dict[str, Any], list[dict[str, Any]], Rig]:
    """Return the result of one cascade and its usage events."""
    request = {"strategy": "cascade", "constraints": {"min_quality": 0.8}, **fields}
    rig = serve(Rig(COMMON, providers={"east": provider}), ask("r1", **request))
    [result] = rig.results()["r1"]
    total = sum(Decimal(usage["cost_usd"]) for usage in rig.usages())
    assert Decimal(result["cost_usd"]) == total, "every call is booked"
    if "baseline" in result:
        saved = sum(map(Decimal, result["savings"].values()))
        assert saved == Decimal(result["baseline"]["cost_usd"]) - total
    assert rig.dead_letters() == []
    return result, rig.usages(), rig


def test_a_cheap_answer_that_holds_is_delivered() -> None:
    provider = ByModel({"small": GOOD})
    result, usages, rig = answered(provider)
    assert provider.asked == ["small"]
    assert (result["status"], result["model"], result["attempts"]) == ("completed", "small", 1)
    assert [usage["model"] for usage in usages] == ["small"]
    assert result["checks"] == [{"model": "small", "accepted": True, "reason": "nothing speaks against it"}]
    decision = rig.decision(result)
    assert decision["rule"] == "cascade"
    assert decision["steps"] == [{"model": "small", "escalation": pytest.approx(0.4)}, {"model": "middle"}]
    assert decision["accept"] == 0.7
    assert set(decision["lost"]) == {"big"}


def test_an_answer_that_does_not_hold_is_asked_of_a_stronger_model_and_both_are_billed() -> None:
    provider = ByModel({"small": REFUSAL, "middle": GOOD}, {"small": 0.02, "middle": 0.03})
    result, usages, _ = answered(provider)
    assert provider.asked == ["small", "middle"]
    assert (result["status"], result["model"], result["attempts"]) == ("completed", "middle", 2)
    assert result["output"]["content"] == GOOD.content
    assert [(usage["model"], Decimal(usage["cost_usd"])) for usage in usages] == [
        ("small", SMALL_USD),
        ("middle", MIDDLE_USD),
    ]
    [check] = result["checks"]
    assert (check["model"], check["accepted"]) == ("small", False)
    assert check["reason"].startswith("refusal")
    assert "delivered_because" not in check
    assert Decimal(result["savings"]["routing"]) == BIG_USD - SMALL_USD - MIDDLE_USD
    assert result["stages_ms"]["provider"] == pytest.approx(50, abs=2)


def test_without_a_minimum_the_best_is_asked_last() -> None:
    provider = ByModel({"small": Answer("", None, "stop"), "big": GOOD})
    result, _, _ = answered(provider, constraints={})
    assert provider.asked == ["small", "big"]
    assert result["model"] == "big"


def test_an_answer_is_held_against_the_schema_it_was_asked_in() -> None:
    form = {
        "type": "json_schema",
        "json_schema": {"name": "city", "schema": {"type": "object", "required": ["city"]}},
    }
    provider = ByModel({"small": Answer('{"town": "Paris"}', None, "stop"), "middle": GOOD})
    result, _, _ = answered(provider, response_format=form)
    assert result["model"] == "middle"
    assert result["checks"][0]["reason"].startswith("json_schema")


@pytest.mark.parametrize(
    "failure",
    [
        ProviderRefused("provider_refused", "no"),
        ProviderOverloaded("provider_overloaded", "status 500"),
        ProviderContentFiltered("provider_content_filter", "filtered"),
    ],
    ids=lambda failure: failure.code,
)
def test_an_answer_that_does_not_hold_is_better_than_none(failure: Exception) -> None:
    provider = ByModel({"small": REFUSAL, "middle": failure, "big": failure})
    result, usages, _ = answered(provider)
    assert (result["status"], result["model"]) == ("completed", "small")
    assert result["output"]["content"] == REFUSAL.content
    assert [usage["model"] for usage in usages] == ["small"]
    [check] = result["checks"]
    assert not check["accepted"]
    assert check["delivered_because"].startswith("no better answer came")


def test_behind_an_open_circuit_nobody_waits_who_has_an_answer() -> None:
    broken = ProviderOverloaded("provider_overloaded", "status 500")
    provider = ByModel({"small": REFUSAL, "middle": broken, "big": broken})
    section = ProviderSettings(kind="simulated", breaker_open_seconds=60, breaker_open_max_seconds=60)
    rig = Rig(settings(providers={"east": section}), providers={"east": provider})
    asked = [ask(f"r{number}", strategy="cascade", constraints={"min_quality": 0.8}) for number in range(60)]
    serve(rig, *asked, pause=0.1)
    last = rig.results()["r59"][0]
    assert (last["model"], last["attempts"]) == ("small", 1)
    assert "failed too often" in last["checks"][0]["delivered_because"]
    assert last["latency_ms"] < 1_000


def test_at_the_deadline_the_answer_there_is_delivered() -> None:
    provider = ByModel({"small": REFUSAL, "middle": GOOD}, {"small": 0.5, "middle": 60})
    result, usages, _ = answered(provider, constraints={"min_quality": 0.8, **in_seconds(2)})
    assert (result["status"], result["model"]) == ("completed", "small")
    assert result["latency_ms"] == pytest.approx(2_000, abs=100)
    assert "deadline" in result["checks"][0]["delivered_because"]
    assert [usage["model"] for usage in usages] == ["small"]


def test_a_deadline_before_the_first_answer_expires_the_request() -> None:
    result, _, _ = answered(ByModel({"small": GOOD}, {"small": 60}), constraints=in_seconds(2))
    assert result["status"] == "expired"
    assert "checks" not in result


def test_a_first_step_that_fails_is_skipped() -> None:
    provider = ByModel({"small": ProviderRefused("provider_refused", "no"), "middle": GOOD})
    result, _, _ = answered(provider)
    assert (result["model"], result["attempts"]) == ("middle", 2)
    assert "checks" not in result


def test_what_did_not_hold_is_not_kept_for_others() -> None:
    refused = ProviderRefused("provider_refused", "no")
    provider = ByModel({"small": REFUSAL, "middle": refused, "big": refused})
    rig = Rig(COMMON, providers={"east": provider})
    serve(rig, *(ask(name, prompt="same", strategy="cascade") for name in ("r1", "r2")), pause=1.0)
    assert rig.statuses() == {"r1": "completed", "r2": "completed"}


def test_a_cascade_stays_out_of_the_batch_lane() -> None:
    patient = settings(windows=WindowSettings(batch_lane=True, bulk_after_seconds=1))
    provider = ByModel({"small": GOOD})
    request = ask("r1", strategy="cascade", constraints=in_seconds(200_000))
    [result] = serve(Rig(patient, providers={"east": provider}), request).results()["r1"]
    assert (result["lane"], result["status"], result["model"]) == ("bulk", "completed", "small")


def test_the_setting_makes_cascades_of_requests_that_name_no_strategy() -> None:
    rig = Rig(settings(routing=RoutingSettings(strategy="cascade")), providers={"east": ByModel({"small": GOOD})})
    [result] = serve(rig, ask("r1")).results()["r1"]
    assert result["decision"]["rule"] == "cascade"
