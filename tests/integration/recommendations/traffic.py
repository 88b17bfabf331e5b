"""Logged traffic of made-up tenants: each has one thing that could be had for less, and one has nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from aiokafka import TopicPartition

from agents.governance.budgets import wording
from agents.governance.budgets.ledger import Exceeded
from agents.governance.registry.places import Kind, Place
from schemas.governance import TeamRegistered
from schemas.policy import Budget, CacheMode, Period, Policy
from schemas.prices import cost_of
from schemas.registry import ModelRegistry
from schemas.request import Request
from schemas.result import Check, Decision, Lane, Output, Problem, Result, Status, TokenUsage
from schemas.tenant import TenantRegistered
from schemas.usage import Usage
from streams.envelope import Publication, cloud_event
from streams.sink.block import COLUMNS, Block, encode
from streams.topics import GOVERNANCE, KEYS, REQUESTS, RESULTS, TEAMS, USAGE, Topic
from streams.warehouse.client import Warehouse
from tests.unit.governance.keys import issue
from tests.unit.sink.records import record

SINCE = datetime(2026, 11, 20, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=7)
BEGAN = SINCE + timedelta(days=1, hours=6)
TOKENS = TokenUsage(input_tokens=1000, output_tokens=200)
SMALL, RIVAL, BIG = Decimal("0.0002"), Decimal("0.0016"), Decimal("0.016")
"""What `TOKENS` cost at each model."""
MODELS = {
    "big": {"quality": 0.90, "price": {"input": 10, "cached_input": 1, "output": 30}, "providers": ["east"]},
    "rival": {"quality": 0.92, "price": {"input": 1, "output": 3, "batch": 0.5}, "providers": ["open"]},
    "small": {"quality": 0.60, "price": {"input": "0.1", "output": "0.5"}, "providers": ["east"]},
}
SHARED = "You answer questions about parcels. " * 250
PLANTED = 25
GOOD: dict[str, Any] = {"constraints": {"min_quality": 0.9}}
REFUSED_USD = Decimal("0.05")


def models_file(path: Path) -> Path:
    """Write the models that the traffic was answered by."""
    models = [
        {
            "name": name,
            "context_window": 100_000,
            "capabilities": ["tools", "json", "vision"],
            "speed": {"first_token_ms": 100, "tokens_per_second": 100},
            **fields,
            "quality": {"default": fields["quality"]},
        }
        for name, fields in MODELS.items()
    ]
    path.write_text(yaml.safe_dump({"date": "2026-11-20", "models": models}))
    return path


class Traffic:
    """Events as producers and workers would have sent them, in the order in which they are written here."""

    def __init__(self, registry: ModelRegistry) -> None:
        self._registry = registry
        self._events: dict[str, list[tuple[Publication, datetime]]] = defaultdict(list)
        self._number = 0

    def ask(
        self,
        tenant: str,
        *,
        at: datetime = BEGAN,
        model: str = "rival",
        rule: str = "cheapest_meeting_constraints",
        tokens: TokenUsage = TOKENS,
        finish: str = "stop",
        wasted: str | None = None,
        checks: tuple[Check, ...] = (),
        team: str | None = None,
        key_id: str | None = None,
        unread: bool = False,
        **fields: Any,
    ) -> Result:
        """Log a request, its result and its calls.

        Args:
            wasted: Names a model that was asked and paid before.
            unread: Leave the request out, as if it had been removed.
        """
        self._number += 1
        if rule == "explicit_model":
            fields |= {"mode": "explicit", "model": model}
        request = Request.model_validate(
            {"id": f"r{self._number}", "tenant": tenant, "prompt": f"question {self._number}", **fields}
        )
        provider = str(MODELS[model]["providers"][0])  # type: ignore[index]  # lists of strings
        calls = [(wasted, cost_of(tokens, self._price(wasted)))] if wasted else []
        calls.append((model, cost_of(tokens, self._price(model))))
        result = Result(
            id=request.id,
            tenant=tenant,
            status=Status.COMPLETED,
            output=Output(content="an answer", finish_reason=finish),
            model=model,
            provider=provider,
            lane=Lane.INTERACTIVE,
            task_type=request.task_type,
            usage=tokens,
            cost_usd=sum((cost for _, cost in calls), Decimal(0)),
            decision=Decision(rule=rule, reason="as it was", predicted_quality=0.9),
            attempts=len(calls),
            checks=list(checks),
            received_at=at,
            completed_at=at + timedelta(seconds=1),
        )
        if not unread:
            self._log(REQUESTS, request.id, tenant, at, request.model_dump_json(exclude_defaults=True))
        self._log(RESULTS, request.id, tenant, result.completed_at, result.model_dump_json())
        for attempt, (called, cost) in enumerate(calls, 1):
            self._call(result, called, cost, attempt, team, key_id)
        return result

    def _call(
        self, result: Result, model: str, cost: Decimal, attempt: int, team: str | None, key_id: str | None
    ) -> None:
        at, tenant = result.received_at + timedelta(milliseconds=attempt), result.tenant or ""
        usage = Usage(
            id=f"{result.id}/{attempt}",
            request_id=result.id,
            tenant=tenant,
            model=model,
            provider=str(MODELS[model]["providers"][0]),  # type: ignore[index]  # lists of strings
            lane=Lane.INTERACTIVE,
            attempt=attempt,
            usage=TOKENS,
            cost_usd=cost,
            price_list="2026-11-20",
            latency_ms=1.0,
            occurred_at=at,
            team=team,
            key_id=key_id,
        )
        self._log(USAGE, usage.id, tenant, at, usage.model_dump_json(exclude_none=True))

    def refuse(self, tenant: str, at: datetime, problem: Problem) -> None:
        """Log a request that was rejected."""
        self._number += 1
        request = Request(id=f"r{self._number}", tenant=tenant, prompt="one more")
        result = Result(
            id=request.id, tenant=tenant, status=Status.REJECTED, error=problem, received_at=at, completed_at=at
        )
        self._log(REQUESTS, request.id, tenant, at, request.model_dump_json(exclude_defaults=True))
        self._log(RESULTS, request.id, tenant, at, result.model_dump_json())

    def tenant(self, name: str, **fields: Any) -> None:
        """Log that a tenant is registered."""
        fact = TenantRegistered(tenant=name, reference_model="big", registered_at=SINCE, **fields)
        self._log(GOVERNANCE, name, name, SINCE, fact.model_dump_json())

    def team(self, tenant: str, name: str, limit: str) -> None:
        """Log that a team is registered, with a daily budget in dollars."""
        budget = Budget(period=Period.DAY, limit_usd=Decimal(limit))
        fact = TeamRegistered(tenant=tenant, team=name, budgets=(budget,), changed_at=SINCE)
        self._log(TEAMS, f"{tenant}/team/{name}", tenant, SINCE, fact.model_dump_json(), f"{tenant}/team/{name}")

    def key(self, tenant: str, policy: Policy) -> str:
        """Log that a key was issued; return its id."""
        fact = issue(tenant, tenant, user="amara").fact.model_copy(update={"policy": policy})
        name = f"{tenant}/key/{fact.key_id}"
        self._log(KEYS, name, tenant, SINCE, fact.model_dump_json(), name)
        return fact.key_id

    async def write(self, warehouse: Warehouse) -> None:
        """Archive everything as the sink would."""
        block = Block({TopicPartition(topic, 0): list(self._records(topic)) for topic in self._events})
        await warehouse.insert("archive_store", COLUMNS, encode("log-1", block.in_order()), {"async_insert": 0})

    def _records(self, topic: str) -> Iterator[Any]:
        for offset, (event, at) in enumerate(self._events[topic]):
            one = record(offset, event.value, tuple(event.headers), event.key, TopicPartition(topic, 0))
            one.timestamp = int(at.timestamp() * 1000)
            yield one

    def _log(self, topic: Topic, name: str, tenant: str, at: datetime, value: str, key: str | None = None) -> None:
        event = cloud_event(topic, name, tenant, at, value.encode(), key=(key or tenant).encode())
        self._events[topic.name].append((event, at))

    def _price(self, model: str | None) -> Any:
        spec = self._registry.get(model or "")
        assert spec is not None
        return spec.price


def seconds(count: float) -> datetime:
    return BEGAN + timedelta(seconds=count)


def plant(traffic: Traffic) -> None:
    """Log traffic in which each kind of recommendation has its case, each in a tenant of that name."""
    for name in (
        "cheaper",
        "cascades",
        "directive",
        "batch",
        "prefix",
        "retries",
        "cut",
        "budgets",
        "idle",
        "keyed",
        "clean",
    ):
        traffic.tenant(name)
    traffic.tenant("short", cache_ttl_seconds=60.0)
    traffic.tenant("off", policy=Policy(cache=CacheMode.OFF))
    _models(traffic)
    _caches(traffic)
    _lanes_and_waste(traffic)
    _budgets(traffic)


def _models(traffic: Traffic) -> None:
    traffic.ask("clean", model="big", rule="explicit_model", unread=True)
    escalated = (Check(model="small", accepted=False, reason="not sure"),)
    for number in range(PLANTED):
        traffic.ask("cheaper", model="big", rule="explicit_model", task_type="support")
        traffic.ask(
            "cascades", wasted="small", rule="cascade", checks=escalated, strategy="cascade", task_type="qa", **GOOD
        )
        traffic.ask("clean", at=seconds(number), **GOOD)
        traffic.ask("clean", model="rival", rule="explicit_model")


def _caches(traffic: Traffic) -> None:
    key = traffic.key("keyed", Policy(cache=CacheMode.OFF))
    traffic.ask("directive", prompt="the same")
    for number in range(1, PLANTED + 1):
        traffic.ask("directive", at=seconds(number * 10), prompt="the same", cache={"directive": "bypass"})
        traffic.ask("keyed", at=seconds(number * 10), prompt="the same", cache={"directive": "bypass"}, key_id=key)
        traffic.ask("ghost", at=seconds(number * 10), prompt="the same")
    for number in range(PLANTED + 1):
        traffic.ask("short", at=seconds(number * 1800), prompt="the same")
        traffic.ask("off", at=seconds(number * 10), prompt="the same")


def _lanes_and_waste(traffic: Traffic) -> None:
    tomorrow: dict[str, Any] = {
        "constraints": {"min_quality": 0.9, "deadline": (BEGAN + timedelta(days=1)).isoformat()}
    }
    soon: dict[str, Any] = {
        "constraints": {"min_quality": 0.9, "deadline": (BEGAN + timedelta(minutes=30)).isoformat()}
    }
    long = TokenUsage(input_tokens=2_500, output_tokens=10)
    for number in range(PLANTED):
        traffic.ask("batch", **tomorrow)
        traffic.ask("clean", **soon)
        traffic.ask("prefix", at=seconds(number * 10), model="big", tokens=long, prompt=f"{SHARED}{number:03d}?")
        traffic.ask("retries", wasted="big")
        room: dict[str, Any] = {"prompt": f"list {number}", "sampling": {"max_output_tokens": 50}}
        traffic.ask("cut", at=seconds(number), finish="length", **room)
        traffic.ask("cut", at=seconds(number + 60), prompt=f"list {number}", sampling={"max_output_tokens": 400})


def _budgets(traffic: Traffic) -> None:
    traffic.team("budgets", "busy", "1")
    traffic.team("budgets", "quiet", "10")
    traffic.team("idle", "asleep", "500")
    budget = Budget(period=Period.DAY, limit_usd=Decimal(1))
    place = Place(Kind.TEAM, "budgets", "busy")
    told = wording.problem([Exceeded(place, budget, Decimal("0.96"), Decimal(0))], REFUSED_USD, BEGAN.timestamp())
    problem = Problem(code=told.code, message=told.message, remedy=told.remedy, field=told.field)
    for day in range(5):
        at = BEGAN + timedelta(days=day)
        for _ in range(60):
            traffic.ask("budgets", at=at, model="big", team="busy")
        for _ in range(100):
            traffic.ask("budgets", at=at, model="big", team="quiet")
            traffic.ask("idle", at=at, model="big", team="asleep")
    for _ in range(PLANTED):
        traffic.refuse("budgets", BEGAN, problem)
