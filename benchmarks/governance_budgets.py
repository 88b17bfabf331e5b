"""What budgets cost per request."""

from __future__ import annotations

import gc
import time

from agents.governance.budgets.desk import BudgetDesk
from agents.governance.registry import Registry
from benchmarks.governance_load import (
    BULK_SIZE,
    EXPECTED_OUTPUT_TOKENS,
    HOLD_SECONDS,
    MICROSECONDS,
    NOW,
    PLENTY,
    PROMPT,
    REPEATS,
    SINGLES,
    Receipt,
    estimator,
)
from schemas.governance import KeyIssued, TeamRegistered, UserRegistered
from schemas.request import Request
from schemas.result import Lane
from schemas.tenant import TenantRegistered
from schemas.wire import Tokens, UsageRecord
from streams.stage import Journey, moment
from streams.tenancy.state import ledger_key

KEY_ID = "k7f3m2q9x4t8w1z6"


def budgets() -> dict[str, float]:
    """Measure reserving, counting and releasing with four nested scopes and two budgets each, in microseconds."""
    registry = Registry()
    registry.register(TenantRegistered(tenant="acme", reference_model="gpt-4-turbo", budgets=PLENTY))
    registry.register(TeamRegistered(tenant="acme", team="search", budgets=PLENTY))
    registry.register(UserRegistered(tenant="acme", user="amara", team="search", budgets=PLENTY))
    key = KeyIssued(
        tenant="acme", key_id=KEY_ID, secret_hash="", signing_key="", issued_at=moment(NOW), budgets=PLENTY
    )
    registry.register(key)
    prices = estimator()
    scopes = registry.scope_chain("acme", "amara", KEY_ID)
    assert scopes is not None
    requests = [
        Request.model_validate({"id": f"q{number}", "tenant": "acme", "user": "amara", "prompt": PROMPT})
        for number in range(SINGLES)
    ]
    names = [ledger_key("acme", request.id) for request in requests]
    usages = [_usage(number) for number in range(SINGLES)]
    times: dict[str, float] = {}
    for _ in range(REPEATS):
        desk = BudgetDesk(registry, prices, HOLD_SECONDS)
        journeys = [Journey(one, b"", "", 0, NOW, Receipt(), input_tokens=100, key_id=KEY_ID) for one in requests]
        gc.collect()
        marks = [time.perf_counter()]
        for journey in journeys:
            desk.reserve(journey, scopes, EXPECTED_OUTPUT_TOKENS, NOW)
        marks.append(time.perf_counter())
        for start in range(0, SINGLES, BULK_SIZE):
            desk.booked(desk.sending(), usages[start : start + BULK_SIZE], range(start, start + BULK_SIZE), NOW)
        marks.append(time.perf_counter())
        for name in names:
            desk.release("acme", name)
        marks.append(time.perf_counter())
        desk.notes(NOW)
        marks.append(time.perf_counter())
        for name, began, ended in zip(("reserve", "settle", "release"), marks, marks[1:], strict=False):
            times[name] = min(times.get(name, float("inf")), (ended - began) / SINGLES * MICROSECONDS)
        times["note"] = min(times.get("note", float("inf")), (marks[-1] - marks[-2]) * MICROSECONDS)
    return {f"{name}_us": round(spent, 2) for name, spent in times.items()}


def _usage(number: int) -> UsageRecord:
    return UsageRecord(
        id=f"call-{number}",
        request_id=f"q{number}",
        tenant="acme",
        model="gpt-4-turbo",
        provider="simulated",
        lane=Lane.INTERACTIVE,
        usage=Tokens(100, 0, 200),
        cost_usd="0.00725",
        price_list="list",
        latency_ms=1.0,
        occurred_at=moment(NOW),
        user="amara",
        team="search",
        key_id=KEY_ID,
    )
