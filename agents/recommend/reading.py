"""Reading what recommendations are made of: page by page, so that memory is bounded by a page."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from agents.governance.policies.evaluation import effective_policy
from agents.governance.registry import Registry
from agents.governance.registry.places import Kind as Whose
from agents.governance.registry.places import Place
from agents.recommendations.cases import Case, key_of
from agents.recommendations.kind import Kind
from agents.recommendations.terms import Graded, Scope, Terms
from agents.routing.logged import read_logged
from schemas.effective_policy import UNRESTRICTED
from schemas.policy import Budget
from streams.warehouse.client import Warehouse

PERIOD = """
received_at >= {since:DateTime64(6, 'UTC')} AND received_at < {until:DateTime64(6, 'UTC')}
AND ({tenant:String} = '' OR tenant = {tenant:String})
"""
SPAN = f"SELECT count() AS requests, min(received_at) AS first FROM results WHERE {PERIOD}"  # noqa: S608 - constants
MEMBERS = """
SELECT cityHash64(tenant, id) AS key, toUnixTimestamp64Micro(received_at) AS at FROM results
WHERE {condition} AND {period} ORDER BY at, key
"""
"""Sixteen bytes for each request that a kind wants to see; what it asked and got is read a page at a time."""
PAGE = (
    "received_at BETWEEN fromUnixTimestamp64Micro({first}, 'UTC') AND fromUnixTimestamp64Micro({last}, 'UTC')"
    " AND cityHash64(tenant, id) IN ({keys})"
)
KEYS = """
SELECT tenant, request_id, key_id FROM usage
WHERE key_id != '' AND (tenant, request_id) IN (SELECT tenant, id FROM results WHERE {condition})
"""
FACTS = "SELECT kind, tenant, name, fact FROM registry WHERE kind IN {kinds:Array(String)}"
"""Of those who ask; there are facts of other kinds, such as data keys."""
GRADES = f"""
SELECT answered.tenant AS tenant, task_type, model, count() AS grades, avg(grade) AS mean,
    if(count() > 1, stddevSamp(grade) / sqrt(count()), 1) AS error
FROM (SELECT tenant, request_id, grade FROM feedback) AS given
INNER JOIN (SELECT tenant, id, task_type, model FROM results WHERE status = 'completed' AND {PERIOD}) AS answered
ON given.tenant = answered.tenant AND given.request_id = answered.id
GROUP BY tenant, task_type, model
"""  # noqa: S608 - constants
UNREADABLE = "their requests are encrypted, were removed, or are not in the archive"
UNREGISTERED = "their tenants are not registered any more"


@dataclass(slots=True)
class LeftOut:
    """Requests that could not be looked at, whichever kinds wanted to; by why, 64 bits each."""

    keys: dict[str, array[int]] = field(default_factory=dict)

    def add(self, why: str, tenant: str, request_id: str) -> None:
        """Count one."""
        self.keys.setdefault(why, array("Q")).append(key_of(tenant, request_id))

    def counts(self) -> dict[str, int]:
        """Return how many requests that are."""
        return {why: int(np.unique(np.frombuffer(keys, np.uint64)).size) for why, keys in self.keys.items()}


async def read_span(warehouse: Warehouse, parameters: Mapping[str, Any]) -> tuple[int, datetime | None]:
    """Return how many requests there were, and when the first was received."""
    (row,) = await warehouse.rows(SPAN, parameters)
    return row["requests"], row["first"].replace(tzinfo=UTC) if row["requests"] else None


async def read_registry(warehouse: Warehouse) -> Registry:
    """Return who is registered, and with what, as the archive has it."""
    registry = Registry()
    for row in await warehouse.rows(FACTS, {"kinds": list(Whose)}):
        place = Place(Whose(row["kind"]), row["tenant"], row["name"])
        registry.apply(place.message_key, row["fact"].encode())
    return registry


def budgets_of(registry: Registry, tenant: str) -> dict[Scope, tuple[Budget, ...]]:
    """Return the budgets of every scope that has some, of one organization or of all."""
    found = {}
    for name in [tenant] if tenant else registry.names():
        organization = registry.get(name)
        facts = [] if organization is None else [(Whose.TENANT, name, organization.budgets)]
        facts += [(Whose.TEAM, team.team, team.budgets) for team in registry.teams(name)]
        facts += [(Whose.USER, user.user, user.budgets) for user in registry.users(name)]
        facts += [(Whose.KEY, key.key_id, key.budgets) for key in registry.keys(name)]
        found.update({Scope(name, kind, whose): budgets for kind, whose, budgets in facts if budgets})
    return found


async def read_grades(warehouse: Warehouse, parameters: Mapping[str, Any]) -> dict[tuple[str, str, str], Graded]:
    """Return what grades say of the answers of models, by tenant and task type."""
    rows = await warehouse.rows(GRADES, parameters)
    return {
        (row["tenant"], row["task_type"], row["model"]): Graded(row["grades"], row["mean"], row["error"])
        for row in rows
    }


class Facts:
    """Reads the facts that kinds want.

    Args:
        warehouse: Where the archive is.
        registry: Who is registered.
        parameters: Tenant and period.
        page: Requests read at a time.
    """

    def __init__(self, warehouse: Warehouse, registry: Registry, parameters: Mapping[str, Any], page: int) -> None:
        self._warehouse = warehouse
        self._registry = registry
        self._parameters = parameters
        self._page = page
        self.left_out = LeftOut()

    async def of(self, kind: Kind, terms: Terms) -> AsyncIterator[Sequence[Any]]:
        """Yield what one kind wants in portions: cases as they were received, or the rows of its query.

        Raises:
            WarehouseUnavailable: ClickHouse does not answer.
            WarehouseError: The tables are missing.
        """
        values = {**self._parameters, **kind.values(terms)}
        if kind.cases is None:
            yield await self._warehouse.rows(kind.rows or "", values)
            return
        async for cases in self.meeting(kind.cases, values):
            yield cases

    async def meeting(self, condition: str, values: Mapping[str, Any]) -> AsyncIterator[list[Case]]:
        """Yield the requests of the period whose result meets a condition on `results`, as they were received.

        Args:
            condition: In SQL.
            values: Its parameters, and those of the period.
        """
        members = MEMBERS.format(condition=f"({condition})", period=PERIOD)
        keys, times = array("Q"), array("q")
        async for block in self._warehouse.stream(members, values):
            for key, at in block:
                keys.append(key)
                times.append(at)
        for start in range(0, len(keys), self._page):
            end = min(start + self._page, len(keys))
            listed = ",".join(map(str, keys[start:end]))
            yield await self._cases(PAGE.format(first=times[start], last=times[end - 1], keys=listed))

    async def _cases(self, condition: str) -> list[Case]:
        logged, bare = await read_logged(self._warehouse, condition, self._parameters, self._page)
        for result in bare:
            self.left_out.add(UNREADABLE, result.tenant or "", result.id)
        keys = await self._keys(condition, {one.request.tenant for one in logged})
        cases = []
        for one in reversed(logged):
            request = one.request
            scopes = self._registry.scope_chain(request.tenant, request.user, keys.get((request.tenant, request.id)))
            if scopes is None:
                self.left_out.add(UNREGISTERED, request.tenant, request.id)
                continue
            policy = scopes.once(effective_policy) or UNRESTRICTED
            cases.append(Case(request, one.result, scopes.tenant, policy))
        return sorted(cases, key=lambda case: (case.result.received_at, case.request.id))

    async def _keys(self, condition: str, tenants: Iterable[str]) -> dict[tuple[str, str], str]:
        """Return the API keys under which requests came, where their tenants have keys at all."""
        if not any(self._registry.keys(tenant) for tenant in tenants):
            return {}
        rows = await self._warehouse.rows(KEYS.format(condition=condition))
        return {(row["tenant"], row["request_id"]): row["key_id"] for row in rows}
