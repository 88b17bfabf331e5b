"""Policies and rates of nested scopes through the whole pipeline."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from agents.providers.protocol import Prompt, Reply
from agents.providers.scripted import ANSWER
from schemas.governance import TeamRegistered, UserRegistered
from schemas.policy import CacheMode, PersonalDataMode, Policy, Rates
from schemas.tenant import TenantRegistered
from tests.memory.cluster import Event
from tests.pipeline.rig import Rig, ask, nothing_is_held, serve, settings, until
from tests.unit.providers.virtual_time import run

ANN = "ann@example.com"
SILENT, UNLIMITED = Policy(), Rates()


class Slow:
    """Answers after a minute, and remembers what it was sent."""

    def __init__(self) -> None:
        self.seen: list[Prompt] = []

    async def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply:
        del model, attempt
        self.seen.append(prompt)
        await asyncio.sleep(60)
        return ANSWER

    async def close(self) -> None:
        """Nothing is held."""


def rig_of(
    team: Policy = SILENT,
    user: Policy = SILENT,
    *,
    team_rates: Rates = UNLIMITED,
    user_rates: Rates = UNLIMITED,
    provider: Slow | None = None,
) -> Rig:
    """Return a rig in which amara is of team search, and ben of none; both of acme."""
    facts = [
        TeamRegistered(tenant="acme", team="search", policy=team, rates=team_rates),
        UserRegistered(tenant="acme", user="amara", team="search", policy=user, rates=user_rates),
    ]
    names = ("acme/team/search", "acme/user/amara")
    return Rig(
        settings(),
        providers=None if provider is None else {"east": provider},
        tenants=(TenantRegistered(tenant="acme", reference_model="big"),),
        facts=[(name.encode(), fact.model_dump_json().encode()) for name, fact in zip(names, facts, strict=True)],
    )


def amara(name: str, **fields: Any) -> bytes:
    return ask(name, user="amara", **fields)


def outcome(rig: Rig, name: str) -> tuple[str, str | None]:
    result, *again = rig.results()[name]
    assert all(other == result for other in again), "a request that comes again gets the result it had"
    return result["status"], (result.get("error") or {}).get("code")


@pytest.mark.parametrize(
    ("policy", "fields", "code"),
    [
        (Policy(allowed_models=("small",)), {"mode": "explicit", "model": "big"}, "model_not_allowed"),
        (Policy(allowed_providers=("west",)), {"mode": "explicit", "model": "big"}, "provider_not_allowed"),
        (Policy(allowed_providers=("west",)), {}, "no_model_meets_constraints"),
        (Policy(allowed_task_types=("support",)), {"task_type": "coding"}, "task_type_not_allowed"),
        (Policy(max_input_tokens=3), {"prompt": "x" * 400}, "input_too_long"),
        (Policy(max_output_tokens=3), {"sampling": {"max_output_tokens": 4}}, "output_too_long"),
        (Policy(max_cost_usd=Decimal("1e-9")), {}, "no_model_meets_constraints"),
        (Policy(cache=CacheMode.OFF), {"cache": {"directive": "only"}}, "cache_not_allowed"),
        (Policy(personal_data=PersonalDataMode.BLOCK), {"prompt": f"Mail {ANN}"}, "personal_data"),
    ],
)
def test_a_team_s_rule_holds_for_its_own_and_is_on_record(policy: Policy, fields: dict[str, Any], code: str) -> None:
    rig = serve(rig_of(team=policy), amara("hers", **fields), ask("his", user="ben", **fields))
    assert outcome(rig, "hers") == ("rejected", code)
    assert outcome(rig, "his")[1] in (None, "cache_miss")
    reasons = [audit["reason"] for audit in rig.audits() if audit["action"] == "request_rejected"]
    assert len(reasons) == 1
    assert reasons[0].startswith(f"{code}: ")


def test_who_may_use_other_models_gets_no_answer_of_theirs_from_the_cache() -> None:
    rig = rig_of(user=Policy(allowed_models=("small",)))
    served = serve(
        rig,
        ask("big", user="ben", prompt="same", constraints={"min_quality": 0.9}),
        amara("small", prompt="same"),
        amara("again", prompt="same"),
        pause=1.0,
    )
    assert served.statuses() == {"big": "completed", "small": "completed", "again": "cached"}
    models = {name: results[0]["model"] for name, results in served.results().items()}
    assert models == {"big": "big", "small": "small", "again": "small"}


def test_the_bound_of_a_policy_reaches_the_provider() -> None:
    provider = Slow()
    serve(rig_of(team=Policy(max_output_tokens=7), provider=provider), amara("open"), ask("his", user="ben"))
    assert {prompt.id: prompt.sampling.max_output_tokens for prompt in provider.seen} == {"open": 7, "his": None}


def test_rates_of_a_team_and_of_a_user_hold_together() -> None:
    limited = rig_of(
        team_rates=Rates(requests_per_minute=60, request_burst=3), user_rates=Rates(requests_per_minute=1)
    )
    rig = serve(limited, *(amara(f"r{number}") for number in range(3)), ask("his", user="ben"))
    assert rig.statuses() == {"r0": "completed", "r1": "rejected", "r2": "rejected", "his": "completed"}
    error = rig.results()["r1"][0]["error"]
    assert error["code"] == "rate_limited"
    assert "user amara" in error["message"]
    assert 59 < error["retry_after_seconds"] <= 60


def test_what_a_dead_worker_dispatched_still_counts_until_it_has_its_result() -> None:
    async def test() -> Rig:
        rig = rig_of(provider=Slow(), user_rates=Rates(in_flight=2))
        cluster = rig.cluster(delays=(0.0,))
        await cluster.join()
        for name in ("a", "b", "beyond"):
            cluster.submit(amara(name), "acme")
        await until(lambda: rig.results().keys() == {"beyond"})
        cluster.kill(cluster.workers[0], Event(0, down_seconds=0.0))
        await until(lambda: cluster.workers and cluster.workers[0].stages.intake._tenancy.states)
        cluster.submit(amara("after"), "acme")
        cluster.submit(amara("a"), "acme")
        await until(lambda: rig.results().keys() == {"beyond", "after"})
        await cluster.drained()
        assert outcome(rig, "a") == outcome(rig, "b") == ("completed", None)
        cluster.submit(amara("then"), "acme")
        cluster.submit(amara("and then"), "acme")
        await cluster.drained()
        nothing_is_held(cluster)
        return rig

    rig = run(test())
    assert outcome(rig, "beyond") == outcome(rig, "after") == ("rejected", "too_many_in_flight")
    assert outcome(rig, "then") == ("completed", None)
