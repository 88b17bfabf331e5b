"""Whoever dies when: what is spent is what is on the log, each call once, and what has ended holds nothing."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from agents.governance.budgets.desk import BudgetDesk
from agents.governance.registry.places import Kind, Place
from schemas.policy import Budget, Period
from schemas.settings import GovernanceSettings, IntakeSettings, WorkerSettings
from schemas.tenant import TenantRegistered
from tests.memory.cluster import Cluster, Event
from tests.pipeline.rig import TENANTS, Rig, settings
from tests.pipeline.test_crash_law import (
    delays,
    fetches,
    kills,
    late_kills,
    live,
    mistakes,
    modest,
    moves,
    some,
    workers,
)
from tests.pipeline.traffic import SENT_AGAIN, Plan, messages, plans
from tests.unit.providers.virtual_time import run

PLENTY = tuple(Budget(period=period, limit_usd=Decimal(1000)) for period in Period)
RICH = tuple(
    TenantRegistered(tenant=tenant.tenant, reference_model=tenant.reference_model, budgets=PLENTY)
    for tenant in TENANTS
)
NOTED_OFTEN = settings(
    intake=IntakeSettings(known_ids=200, recover_results=1, recover_completions=1),
    worker=WorkerSettings(max_outstanding=5),
    governance=GovernanceSettings(balance_seconds=0.05),
)
NEVER_NOTED = settings(governance=GovernanceSettings(balance_seconds=1e9))


def standing(cluster: Cluster) -> dict[str, tuple[Decimal, Decimal]]:
    """Return what the writers say: by tenant, what is spent in total and what is reserved."""
    found = {}
    for worker in cluster.workers:
        for state in worker.stages.intake._tenancy.states.values():
            desk = state.spending
            assert isinstance(desk, BudgetDesk)
            assert len(desk.ledger) == 0, desk.ledger._reservations
            for tenant in TENANTS:
                if desk.ledger.note(tenant.tenant):
                    account = desk.ledger.account(Place(Kind.TENANT, tenant.tenant, tenant.tenant))
                    found[tenant.tenant] = (account.spent(Period.TOTAL, 0), account.reserved)
    return found


def on_the_log(rig: Rig) -> dict[str, tuple[Decimal, Decimal]]:
    """Return the same from the usage events."""
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for usage in {usage["id"]: usage for usage in rig.usages()}.values():
        before, _ = found.get(usage["tenant"], (Decimal(0), Decimal(0)))
        found[usage["tenant"]] = (before + Decimal(usage["cost_usd"]), Decimal(0))
    return found


def hold(often: bool, plan: list[Plan], events: list[Event], delays: list[float], workers: int, fetch: int) -> None:
    async def test() -> None:
        rig = Rig(NOTED_OFTEN if often else NEVER_NOTED, tenants=RICH, fetch_records=fetch)
        cluster = rig.cluster(events=events, delays=tuple(delays))
        await live(rig, cluster, messages(plan), workers)
        await asyncio.sleep(1)  # virtual: until the notes are written, and what was late has landed
        said = {tenant: figures for tenant, figures in standing(cluster).items() if figures[0]}
        assert said == on_the_log(rig)
        await cluster.rebalance()
        await cluster.drained()
        said = {tenant: figures for tenant, figures in standing(cluster).items() if figures[0]}
        assert said == on_the_log(rig)

    run(test())


often = st.booleans()


@modest
@given(often=often, plan=plans(*SENT_AGAIN), events=some(kills, moves), delays=delays, workers=workers, fetch=fetches)
def test_whoever_is_killed(
    often: bool, plan: list[Plan], events: list[Event], delays: list[float], workers: int, fetch: int
) -> None:
    hold(often, plan, events, delays, workers, fetch)


@modest
@given(
    often=often,
    plan=plans("only", "soon"),
    events=some(late_kills, mistakes, kills),
    delays=delays,
    workers=workers,
    fetch=fetches,
)
def test_what_lands_late_counts_once(
    often: bool, plan: list[Plan], events: list[Event], delays: list[float], workers: int, fetch: int
) -> None:
    hold(often, plan, events, delays, workers, fetch)
