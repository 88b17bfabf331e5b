"""What is known of a tenant over a period, gathered in one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from agents.governance.audit.verification import Verification
from agents.governance.compliance import queries
from agents.governance.enforcement import outlasted
from agents.governance.registry import Registry
from agents.governance.retention.removal import ACTION as CONTENT_REMOVED
from agents.governance.retention.removal import look, total
from agents.governance.retention.rules import Rules, rules_of
from agents.governance.retention.statements import Look
from schemas.settings import Settings
from streams.audits import is_access
from streams.topics import PUBLIC, REQUESTS
from streams.warehouse.client import Row, Warehouse

KEY_AGE_DAYS = 90
"""A key older than this should have been rotated: the yearly and half-yearly rules of most audits are wider."""
SECONDS_PER_DAY = 86_400
ERASURE, BUDGET, PERSONAL = "data_key_destroyed", "budget", "personal_data"
"""How actions and codes are named that speak of these."""


@dataclass(frozen=True, slots=True)
class Keys:
    """API keys of a tenant, counted; `old` are those issued more than `KEY_AGE_DAYS` ago."""

    active: int = 0
    revoked: int = 0
    expired: int = 0
    without_expiry: int = 0
    old: int = 0
    shared: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the report is made from.

    Attributes:
        results: Rows of `queries.RESULTS`.
        sealed: With and without encryption, by topic.
        oldest: The oldest content still there, by topic.
        tables: Tables with what limits how long they keep rows.
        topics: Public topics with how long they keep events, in hours; None means for ever.
        facts: What governance says now, by message key.
        audited: Acts on record, but for rejections.
        fewest_days: How long content of anybody in it may be kept at least; None where nobody limits it.
        overdue: Events whose content should have been removed by now, whoever's in it they are.
    """

    tenant: str
    since: datetime
    until: datetime
    now: datetime
    results: Sequence[Row]
    requests: int
    without_result: int
    providers: Sequence[Row]
    regions: Mapping[str, str | None]
    sealed: Sequence[Row]
    oldest: Sequence[Row]
    tables: Sequence[Row]
    topics: Mapping[str, float | None]
    messages: int
    signed: int
    facts: Mapping[str, Mapping[str, Any]]
    audited: Sequence[Row]
    rejections: Sequence[Row]
    personal_data: Sequence[Row]
    dead_letters: int
    audit_chain: Verification | None = field(repr=False)
    fewest_days: int | None = None
    overdue: int = 0

    @property
    def policy(self) -> Mapping[str, Any]:
        """Return the policy of the organization; empty when it has none."""
        policy: Mapping[str, Any] = self.facts.get(self.tenant, {}).get("policy") or {}
        return policy

    @property
    def retention_days(self) -> int | None:
        """Return how long content may be kept by policy."""
        days = self.policy.get("retention_days")
        return None if days is None else int(days)

    @property
    def oldest_days(self) -> float | None:
        """Return the age of the oldest content that is still there; None when there is none."""
        content: list[datetime] = [
            row["oldest"] for row in self.oldest if row["topic"] in ("asahi.requests", "asahi.results")
        ]
        if not content:
            return None
        return (self.now - min(content).replace(tzinfo=self.now.tzinfo)).total_seconds() / SECONDS_PER_DAY

    @property
    def topics_keep_longer(self) -> float | None:
        """Return for how many hours topics keep content, where that is longer than a policy lets it be kept."""
        hours = self.topics.get(REQUESTS.name)
        if hours is None or self.fewest_days is None or not outlasted(self.fewest_days, hours):
            return None
        return hours

    @property
    def removals(self) -> int:
        """Return how often content was removed because its time was over."""
        return sum(row["times"] for row in self.audited if row["action"] == CONTENT_REMOVED)

    @property
    def with_content(self) -> tuple[int, int]:
        """Return how many messages have content, and how many of them are encrypted."""
        return sum(row["with_content"] for row in self.sealed), sum(row["sealed"] for row in self.sealed)

    @property
    def accesses(self) -> list[Row]:
        """Return the looks at readable content."""
        return [row for row in self.audited if is_access(row["action"])]

    @property
    def administration(self) -> list[Row]:
        """Return the other acts on record."""
        return [row for row in self.audited if not is_access(row["action"])]

    @property
    def erasures(self) -> list[Row]:
        """Return the erasures among them."""
        return [row for row in self.audited if ERASURE in row["action"]]

    def rejected(self, *beginnings: str) -> int:
        """Return how many requests were rejected with a code that begins so."""
        return sum(row["times"] for row in self.rejections if row["code"].startswith(beginnings))

    @property
    def keys(self) -> Keys:
        """Return the tenant's API keys, counted."""
        found = [fact for key, fact in self.facts.items() if key.startswith(f"{self.tenant}/key/")]
        revoked = [fact for fact in found if self._past(fact.get("revoked_at"))]
        expired = [fact for fact in found if fact not in revoked and self._past(fact.get("expires_at"))]
        active = [fact for fact in found if fact not in revoked and fact not in expired]
        return Keys(
            active=len(active),
            revoked=len(revoked),
            expired=len(expired),
            without_expiry=sum(1 for fact in active if not fact.get("expires_at")),
            old=sum(1 for fact in active if self._past(fact.get("issued_at"), KEY_AGE_DAYS)),
            shared=sum(1 for fact in active if not fact.get("user")),
        )

    def _past(self, moment: object, days: int = 0) -> bool:
        if not isinstance(moment, str):
            return False
        return (self.now - datetime.fromisoformat(moment)).total_seconds() > days * SECONDS_PER_DAY


async def gather(
    settings: Settings,
    tenant: str,
    since: datetime,
    until: datetime,
    now: datetime,
    audit_chain: Verification | None,
) -> Evidence:
    """Ask ClickHouse for all of it.

    Args:
        settings: Where ClickHouse is, and what holds for topics and providers.
        tenant: About whom.
        since: The beginning of the period.
        until: Its end, exclusive.
        now: What ages count to.
        audit_chain: The verified audit trail; None when it could not be verified.

    Raises:
        WarehouseUnavailable: ClickHouse does not answer.
        WarehouseError: The tables are missing.
    """
    asked = {"tenant": tenant, "below": f"{tenant}/", "since": since, "until": until}
    async with Warehouse(settings.clickhouse) as warehouse:
        rows = {name: await warehouse.rows(sql, asked) for name, sql in _QUERIES.items()}
        rules = _rules(rows["facts"])
        grace = timedelta(seconds=settings.governance.retention_seconds)
        due = await look(warehouse, rules, Look(now - grace, tenant=tenant))
    (requests,), (signed,), (letters,) = rows["requests"], rows["signed"], rows["dead_letters"]
    used = {row["provider"] for row in rows["providers"]}
    return Evidence(
        tenant=tenant,
        since=since,
        until=until,
        now=now,
        results=rows["results"],
        requests=requests["requests"],
        without_result=requests["without_result"],
        providers=rows["providers"],
        regions={
            name: settings.providers[name].region if name in settings.providers else None for name in sorted(used)
        },
        sealed=rows["sealed"],
        oldest=rows["oldest"],
        tables=rows["tables"],
        topics={topic.name: None if topic.compacted else settings.kafka.retention_hours for topic in PUBLIC},
        messages=signed["messages"],
        signed=signed["signed"],
        facts={row["key"]: orjson.loads(row["fact"]) for row in rows["facts"]},
        audited=rows["audited"],
        rejections=rows["rejections"],
        personal_data=rows["personal_data"],
        dead_letters=letters["letters"],
        audit_chain=audit_chain,
        fewest_days=rules.fewest().get(tenant),
        overdue=total(one for one in due.tenants if one.tenant == tenant),
    )


def _rules(facts: Sequence[Row]) -> Rules:
    registry = Registry()
    for row in facts:
        registry.apply(row["key"].encode(), row["fact"].encode())
    return rules_of(registry)


_QUERIES = {
    "results": queries.RESULTS,
    "requests": queries.OPEN_REQUESTS,
    "providers": queries.PROVIDERS,
    "sealed": queries.SEALED,
    "oldest": queries.OLDEST,
    "tables": queries.TABLES,
    "signed": queries.SIGNED,
    "facts": queries.FACTS,
    "audited": queries.AUDITED,
    "rejections": queries.REJECTIONS,
    "personal_data": queries.PERSONAL_DATA,
    "dead_letters": queries.DEAD_LETTERS,
}
