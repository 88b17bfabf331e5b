"""Every way a request can end, through the whole pipeline."""

from __future__ import annotations

from typing import Any

import pytest

from agents.providers.scripted import Scripted
from schemas.errors import ProviderRefused
from schemas.settings import ProviderSettings
from schemas.tenant import TenantLimits, TenantRegistered
from tests.pipeline.rig import Rig, ask, serve, settings
from tests.pipeline.traffic import in_seconds

COMMON = settings()
SLOW = settings(providers={"east": ProviderSettings(kind="simulated", latency_ms=5_000)})


def test_a_request_is_answered_priced_and_counted() -> None:
    rig = serve(Rig(COMMON), ask("r1", user="ann", tags={"team": "red"}))
    [result] = rig.results()["r1"]
    [usage] = rig.usages()
    assert result["status"] == "completed"
    assert result["output"]["finish_reason"] == "stop"
    assert (result["model"], result["provider"]) == ("small", "east")
    assert result["decision"]["rule"] == "cheapest_meeting_constraints"
    assert result["attempts"] == 1
    assert result["cost_usd"] == usage["cost_usd"]
    assert result["usage"] == usage["usage"]
    assert result["tags"] == usage["tags"] == {"team": "red"}
    assert usage["request_id"] == "r1"
    assert "superseded" not in usage
    assert set(result["stages_ms"]) == {
        "governance",
        "personal_data",
        "cache",
        "windows",
        "routing",
        "dispatch",
        "queue",
        "provider",
        "accounting",
    }
    assert result["stages_ms"]["provider"] == pytest.approx(20, abs=2)


def test_an_answer_is_served_again_from_the_cache() -> None:
    rig = serve(Rig(COMMON), ask("r1", prompt="same"), ask("r2", prompt="same"), pause=1.0)
    first, second = rig.results()["r1"][0], rig.results()["r2"][0]
    assert second["status"] == "cached"
    assert second["cache"]["tier"] == "exact"
    assert second["cache"]["source_request_id"] == "r1"
    assert second["output"] == first["output"]
    assert second["cost_usd"] == "0"
    assert second["savings"]["cache_exact"] == second["baseline"]["cost_usd"]
    assert len(rig.usages()) == 1


def test_identical_requests_under_way_share_one_call() -> None:
    rig = serve(Rig(COMMON), *(ask(f"r{number}", prompt="same") for number in range(5)))
    assert sorted(rig.statuses().values()) == ["cached"] * 4 + ["completed"]
    tiers = {result["cache"]["tier"] for [result] in rig.results().values() if result["status"] == "cached"}
    assert tiers == {"shared_flight"}
    assert len(rig.asked) == len(rig.usages()) == 1


LIMITS = TenantLimits(requests_per_minute=1, burst=1, max_input_tokens=100)
REJECTED = {
    "decoder": (ask("r1", sampling={"temperature": "hot"}), "invalid_field"),
    "unknown tenant": (ask("r1", "nobody"), "unknown_tenant"),
    "limits": (ask("r1", "modest", prompt="word " * 1000), "input_too_long"),
    "cache": (ask("r1", cache={"directive": "only"}), "cache_miss"),
    "routing": (ask("r1", mode="explicit", model="absent"), "unknown_model"),
}


@pytest.mark.parametrize("stage", REJECTED)
def test_every_stage_may_reject(stage: str) -> None:
    value, code = REJECTED[stage]
    tenants = (
        TenantRegistered(tenant="acme", reference_model="big"),
        TenantRegistered(tenant="modest", reference_model="big", limits=LIMITS),
    )
    rig = serve(Rig(COMMON, tenants=tenants), value)
    [result] = rig.results()["r1"]
    assert result["status"] == "rejected"
    assert result["error"]["code"] == code
    assert result["error"]["remedy"]
    assert rig.asked == []
    assert rig.usages() == rig.dead_letters() == []


def test_rejections_by_decoder_and_governance_are_audited() -> None:
    rig = serve(Rig(COMMON), REJECTED["unknown tenant"][0], REJECTED["decoder"][0].replace(b"r1", b"r2"))
    assert {audit["subject"]: audit["action"] for audit in rig.audits()} == dict.fromkeys(
        ("r1", "r2"), "request_rejected"
    )


def test_a_tenant_beyond_its_rate_is_told_when_to_come_back() -> None:
    tenant = TenantRegistered(tenant="acme", reference_model="big", limits=LIMITS)
    rig = serve(Rig(COMMON, tenants=(tenant,)), ask("r1"), ask("r2"))
    assert rig.statuses() == {"r1": "completed", "r2": "rejected"}
    error = rig.results()["r2"][0]["error"]
    assert error["code"] == "rate_limited"
    assert 59 < error["retry_after_seconds"] <= 60


def test_a_call_that_every_target_refuses_fails() -> None:
    provider = Scripted([ProviderRefused("provider_refused", "no")] * 3)
    rig = serve(Rig(COMMON, providers={"east": provider}), ask("r1"))
    [result] = rig.results()["r1"]
    assert result["status"] == "failed"
    assert result["error"]["code"] == "provider_refused"
    assert result["attempts"] == len(provider.asked) == 3
    assert rig.usages() == []


def expired(rig: Rig, *requests: bytes) -> dict[str, Any]:
    results = serve(rig, *requests).results()
    [result] = results["late"]
    assert result["status"] == "expired"
    return result


def test_a_request_expires_before_it_is_admitted() -> None:
    assert expired(Rig(COMMON), ask("late", constraints=in_seconds(-1)))["error"]["code"] == "deadline_passed"


def test_a_request_expires_while_it_is_called() -> None:
    result = expired(Rig(SLOW), ask("late", constraints=in_seconds(2)))
    assert result["error"]["code"] == "deadline_exceeded"
    assert result["latency_ms"] == pytest.approx(2_000, abs=100)


def test_a_request_expires_while_it_waits_for_an_identical_one() -> None:
    rig = Rig(SLOW)
    result = expired(rig, ask("first", prompt="same"), ask("late", prompt="same", constraints=in_seconds(1)))
    assert result["error"]["code"] == "deadline_passed"
    assert result["latency_ms"] == pytest.approx(1_000, abs=100)
    assert rig.statuses()["first"] == "completed"
