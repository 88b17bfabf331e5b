"""Budgets in the pipeline: what is let in, what is counted, and that a successor knows both."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from agents.governance.registry.places import Kind, Place
from schemas.policy import Budget, Period
from schemas.tenant import TenantRegistered
from tests.pipeline.rig import Rig, ask, serve, settings
from tests.pipeline.standing import desks
from tests.unit.providers.virtual_time import run

ACME = Place(Kind.TENANT, "acme", "acme")


def a_rig(limit: str, *, hard: bool = True) -> Rig:
    budget = Budget(period=Period.TOTAL, limit_usd=Decimal(limit), hard=hard, warn_at=(0.5,))
    return Rig(settings(), tenants=(TenantRegistered(tenant="acme", reference_model="big", budgets=(budget,)),))


def spent(rig: Rig) -> Decimal:
    return sum((Decimal(cost) for cost in {use["id"]: use["cost_usd"] for use in rig.usages()}.values()), Decimal(0))


def test_what_might_pass_a_hard_budget_is_rejected() -> None:
    rig = serve(a_rig("0.02"), *(ask(f"q{number}") for number in range(40)))

    statuses = list(rig.statuses().values())
    assert statuses.count("rejected") > 0
    assert statuses.count("completed") > 0
    assert spent(rig) <= Decimal("0.02")
    codes = {result["error"]["code"] for (result,) in rig.results().values() if result["status"] == "rejected"}
    assert codes == {"budget_exceeded"}


def test_a_successor_knows_what_was_spent() -> None:
    rig = a_rig("100")

    async def test() -> None:
        cluster = rig.cluster()
        first = await cluster.join()
        for number in range(5):
            cluster.submit(ask(f"q{number}"), "acme")
        await cluster.drained()
        await cluster.leave(first)
        await cluster.join()
        for number in range(5, 10):
            cluster.submit(ask(f"q{number}"), "acme")
        await cluster.drained()
        (desk,) = [desk for desk in desks(cluster) if desk.ledger.note("acme")]
        account = desk.ledger.account(ACME)
        assert account.spent(Period.TOTAL, 0) == spent(rig) > 0
        assert account.reserved == 0
        assert len(desk.ledger) == 0
        await asyncio.sleep(2)

    run(test())


def test_thresholds_warn_once() -> None:
    rig = serve(a_rig("0.0002", hard=False), *(ask(f"q{number}") for number in range(40)))

    assert set(rig.statuses().values()) == {"completed"}
    warnings = [audit for audit in rig.audits() if audit["action"] == "budget_threshold_passed"]
    assert [warning["id"].rsplit("/", 1)[1] for warning in warnings] == ["0.5", "1"]
