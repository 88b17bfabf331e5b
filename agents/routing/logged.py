"""Logged requests with their results, read from the archive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from pydantic import ValidationError

from agents.routing.replay import Logged
from agents.routing.surveys import with_surveys
from schemas.request import Request
from schemas.result import Result
from schemas.tenant import TenantLimits, TenantRegistered
from streams.topics import REQUESTS, RESULTS
from streams.warehouse.client import Row, Warehouse

ARRAY_OPENS = b"["
_messages = msgspec.json.Decoder(list[msgspec.Raw])

BY_ID = "id = {id:String} AND ({tenant:String} = '' OR tenant = {tenant:String})"
SINCE = "completed_at >= now() - toIntervalSecond({seconds:UInt64})"
CHOSEN = """
SELECT tenant, id, cluster, partition, offset FROM results WHERE {condition}
ORDER BY completed_at DESC, tenant, id LIMIT {{limit:UInt64}}
"""
RESULT_EVENTS = """
SELECT value FROM archive WHERE topic = {{topic:String}}
AND (cluster, partition, offset) IN (SELECT cluster, partition, offset FROM ({chosen}))
"""
REQUEST_MESSAGES = """
SELECT value FROM archive WHERE topic = {{topic:String}} AND (cluster, partition, offset) IN
(
    SELECT cluster, partition, offset FROM requests
    WHERE (tenant, id) IN (SELECT tenant, id FROM ({chosen}))
)
ORDER BY timestamp, partition, offset
"""
TENANTS = "SELECT tenant, reference_model, allowed_models FROM tenants"
CALLS = """
SELECT id, model, provider, attempt, input_tokens, cached_input_tokens, output_tokens, cost_usd, price_list,
       latency_ms, superseded, occurred_at
FROM usage WHERE request_id = {id:String} AND tenant = {tenant:String} ORDER BY occurred_at, attempt
"""

Key = tuple[str, str]
"""Tenant and request id."""


async def read_logged(
    warehouse: Warehouse, condition: str, parameters: Mapping[str, object], limit: int
) -> tuple[list[Logged], list[Result]]:
    """Return the newest requests whose result meets a condition, and the results whose request cannot be read.

    Args:
        warehouse: Where the archive is.
        condition: On the view `results`.
        parameters: Of the condition.
        limit: Most results.

    Raises:
        WarehouseUnavailable: ClickHouse does not answer.
        WarehouseError: The tables are missing.
    """
    chosen = CHOSEN.format(condition=condition)
    asked = {**parameters, "limit": limit}
    events = await _values(warehouse, RESULT_EVENTS.format(chosen=chosen), asked, RESULTS.name)
    results = await with_surveys(warehouse, [Result.model_validate_json(value) for value in events])
    requests: dict[Key, Request] = {}
    for value in await _values(warehouse, REQUEST_MESSAGES.format(chosen=chosen), asked, REQUESTS.name):
        for each in requests_in(value):
            requests.setdefault((each.tenant, each.id), each)
    tenants = await read_tenants(warehouse)
    found, bare = [], []
    for result in sorted(results, key=lambda result: result.completed_at, reverse=True):
        request = requests.get((result.tenant or "", result.id))
        if request is None:
            bare.append(result)
        else:
            found.append(Logged(request, result, tenants.get(request.tenant)))
    return found, bare


async def read_tenants(warehouse: Warehouse) -> dict[str, TenantRegistered]:
    """Return the tenants as they are registered now, as far as routing asks about them."""
    return {row["tenant"]: _tenant(row) for row in await warehouse.rows(TENANTS)}


async def read_calls(warehouse: Warehouse, tenant: str, request_id: str) -> list[Row]:
    """Return the paid calls of a request in the order in which they were made."""
    return await warehouse.rows(CALLS, {"tenant": tenant, "id": request_id})


def requests_in(value: bytes) -> Iterator[Request]:
    """Yield the requests of one message that can be read; sealed ones cannot."""
    try:
        bodies = _messages.decode(value) if value.lstrip().startswith(ARRAY_OPENS) else [value]
    except msgspec.DecodeError:
        return
    for body in bodies:
        try:
            request = Request.model_validate_json(bytes(body))
        except ValidationError:
            continue
        if request.sealed is None:  # what is sealed is not read here
            yield request


def _tenant(row: Row) -> TenantRegistered:
    allowed = tuple(row["allowed_models"]) or None
    limits = TenantLimits.model_construct(allowed_models=allowed)
    return TenantRegistered(tenant=row["tenant"], reference_model=row["reference_model"], limits=limits)


async def _values(warehouse: Warehouse, sql: str, parameters: Mapping[str, Any], topic: str) -> list[bytes]:
    found = []
    async for block in warehouse.stream(sql, {**parameters, "topic": topic}):
        found += [row[0] for row in block if row[0] is not None]
    return found
