"""What budgets stand at in memory, and what the log says of the same."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from agents.governance.budgets.desk import BudgetDesk
from agents.governance.registry.places import Kind, Place
from schemas.policy import Budget, Period
from schemas.tenant import TenantRegistered
from tests.memory.cluster import LOOK_SECONDS, Cluster
from tests.pipeline.rig import TENANTS, Rig

TAKING_OVER_SECONDS = 60.0
PLENTY = tuple(Budget(period=period, limit_usd=Decimal(1000)) for period in Period)
RICH = tuple(
    TenantRegistered(tenant=tenant.tenant, reference_model=tenant.reference_model, budgets=PLENTY)
    for tenant in TENANTS
)
"""The tenants of the rig, with budgets that they never use up."""


def desks(cluster: Cluster) -> list[BudgetDesk]:
    """Return the desks of all partitions."""
    found = []
    for worker in cluster.workers:
        for state in worker.stages.intake._tenancy.states.values():
            assert isinstance(state.spending, BudgetDesk)
            found.append(state.spending)
    return found


async def taken_over(cluster: Cluster) -> None:
    """Wait until every partition has a writer: somebody may have been killed at any moment until now."""
    async with asyncio.timeout(TAKING_OVER_SECONDS):
        while len(desks(cluster)) < cluster.machine.settings.kafka.partitions:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(LOOK_SECONDS)


def said_by_the_writers(cluster: Cluster) -> dict[str, Decimal]:
    """Return what was spent in total, by tenant; nothing may be reserved."""
    found = {}
    for desk in desks(cluster):
        assert len(desk.ledger) == 0, desk.ledger._reservations
        for tenant in TENANTS:
            if desk.ledger.note(tenant.tenant):
                account = desk.ledger.account(Place(Kind.TENANT, tenant.tenant, tenant.tenant))
                assert account.reserved == 0
                found[tenant.tenant] = account.spent(Period.TOTAL, 0)
    return {tenant: spent for tenant, spent in found.items() if spent}


def said_by_the_log(rig: Rig) -> dict[str, Decimal]:
    """Return the same from the usage events, each call once."""
    found: dict[str, Decimal] = {}
    for usage in {usage["id"]: usage for usage in rig.usages()}.values():
        found[usage["tenant"]] = found.get(usage["tenant"], Decimal(0)) + Decimal(usage["cost_usd"])
    return found
