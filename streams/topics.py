"""The catalogue: every topic with its key, what travels on it, partitions, retention and cleanup."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec
from pydantic import BaseModel

from schemas.audit import Audit
from schemas.audit_chain import AuditCheckpoint, AuditLinks
from schemas.balances import Balances
from schemas.batch import CallBatch, CompletionBatch
from schemas.deadletter import DeadLetter
from schemas.feedback import Feedback
from schemas.governance import DataKeyDestroyed, DataKeyIssued, KeyIssued, TeamRegistered, UserRegistered
from schemas.jobs import JobRecord
from schemas.recommendation import RecommendationMade
from schemas.request import Request
from schemas.result import Result
from schemas.settings import KafkaSettings
from schemas.survey import Survey
from schemas.tenant import TenantRegistered
from schemas.usage import Usage
from schemas.verdict import Verdict

MS_PER_HOUR = 3_600_000
COMPACTED_SEGMENT_MS = 600_000
"""The newest segment is never compacted, and Kafka's own is a week or a gigabyte long: readers read all of it."""


class Scope(StrEnum):
    """Who may rely on a topic."""

    PUBLIC = "public"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Attributes:
        event: The model of the value; None for internal bookkeeping without a model.
        ce_type: CloudEvents type of its events; None for internal topics.
        key: What the message key is, in words.
        copartitioned: It has the configured number of partitions; False means one partition.
        lasting: Kept as long as a public topic: what it tells is open for more than a day.
        stamped: The broker notes when a message arrived, instead of when its producer says it was made. Apache Kafka
            does; the embedded broker ignores it.
    """

    name: str
    scope: Scope
    event: type[BaseModel] | type[msgspec.Struct] | None
    ce_type: str | None
    key: str
    summary: str
    compacted: bool = False
    copartitioned: bool = True
    lasting: bool = False
    stamped: bool = False

    def partitions(self, kafka: KafkaSettings) -> int:
        """Return the number of partitions under this configuration."""
        return kafka.partitions if self.copartitioned else 1

    def configs(self, kafka: KafkaSettings) -> dict[str, str]:
        """Return the topic's broker-side configuration."""
        lasting = self.lasting or self.scope is Scope.PUBLIC
        hours = kafka.retention_hours if lasting else kafka.internal_retention_hours
        configs = {"max.message.bytes": str(kafka.max_message_bytes)}
        if self.compacted:
            configs["cleanup.policy"] = "compact"
            configs["segment.ms"] = str(COMPACTED_SEGMENT_MS)
        else:
            configs["cleanup.policy"] = "delete"
            configs["retention.ms"] = str(int(hours * MS_PER_HOUR))
        if self.stamped:
            configs["message.timestamp.type"] = "LogAppendTime"
        return configs


REQUESTS = Topic(
    "asahi.requests",
    Scope.PUBLIC,
    Request,
    "asahi.request.submitted.v1",
    "tenant",
    "Requests from producers.",
    stamped=True,
)
RESULTS = Topic(
    "asahi.results",
    Scope.PUBLIC,
    Result,
    "asahi.result.produced.v1",
    "tenant",
    "One terminal result per request.",
)
USAGE = Topic("asahi.usage", Scope.PUBLIC, Usage, "asahi.usage.recorded.v1", "tenant", "One event per paid call.")
SURVEYS = Topic(
    "asahi.surveys",
    Scope.PUBLIC,
    Survey,
    "asahi.survey.taken.v1",
    "tenant/id",
    "Who competed for requests, told once for all decisions that name it.",
    compacted=True,
)
AUDIT = Topic("asahi.audit", Scope.PUBLIC, Audit, "asahi.audit.recorded.v1", "tenant", "Auditable decisions.")
AUDIT_LINKS = Topic(
    "asahi.audit.links",
    Scope.PUBLIC,
    AuditLinks,
    "asahi.audit.sealed.v1",
    "partition",
    "The hash chain over the audit topic.",
)
AUDIT_CHECKPOINTS = Topic(
    "asahi.audit.checkpoints",
    Scope.PUBLIC,
    AuditCheckpoint,
    "asahi.audit.certified.v1",
    "partition",
    "Signed heads of that chain; the newest per key holds.",
    compacted=True,
)
FEEDBACK = Topic("asahi.feedback", Scope.PUBLIC, Feedback, "asahi.feedback.given.v1", "tenant", "Grades of answers.")
RECOMMENDATIONS = Topic(
    "asahi.recommendations",
    Scope.PUBLIC,
    RecommendationMade,
    "asahi.recommendation.made.v1",
    "tenant",
    "What could be done to spend less, as `asahi recommend --publish` found it.",
)
DEADLETTER = Topic(
    "asahi.deadletter",
    Scope.PUBLIC,
    DeadLetter,
    "asahi.deadletter.recorded.v1",
    "source",
    "What no stage could process.",
)
GOVERNANCE = Topic(
    "asahi.governance",
    Scope.PUBLIC,
    TenantRegistered,
    "asahi.tenant.registered.v1",
    "tenant",
    "Who may use the system; the newest fact per key holds.",
    compacted=True,
    copartitioned=False,
)
TEAMS = replace(
    GOVERNANCE,
    event=TeamRegistered,
    ce_type="asahi.team.registered.v1",
    key="tenant/team/name",
    summary="Teams, and what holds for them.",
)
USERS = replace(
    GOVERNANCE,
    event=UserRegistered,
    ce_type="asahi.user.registered.v1",
    key="tenant/user/name",
    summary="Users, and what holds for them.",
)
KEYS = replace(
    GOVERNANCE,
    event=KeyIssued,
    ce_type="asahi.key.issued.v1",
    key="tenant/key/id",
    summary="API keys, and what holds for them; no secret.",
)
DATA_KEYS = replace(
    GOVERNANCE,
    event=DataKeyIssued,
    ce_type="asahi.datakey.issued.v1",
    key="tenant/datakey/id",
    summary="Data keys, and the public keys to seal to; no secret.",
)
DESTROYED_DATA_KEYS = replace(
    GOVERNANCE,
    event=DataKeyDestroyed,
    ce_type="asahi.datakey.destroyed.v1",
    key="tenant/datakey/id",
    summary="Data keys that were destroyed.",
)
"""What travels on `asahi.governance` besides tenants."""
DISPATCH = Topic(
    "asahi.internal.dispatch",
    Scope.INTERNAL,
    CallBatch,
    None,
    "lane shard",
    "Calls on their way to providers.",
)
COMPLETIONS = Topic("asahi.internal.completions", Scope.INTERNAL, CompletionBatch, None, "tenant", "How calls ended.")
JOBS = Topic(
    "asahi.internal.jobs",
    Scope.INTERNAL,
    JobRecord,
    None,
    "lane shard",
    "What happens to calls that are left to batch interfaces.",
    lasting=True,
)
CHECKPOINTS = Topic(
    "asahi.internal.checkpoints",
    Scope.INTERNAL,
    None,
    None,
    "group/topic/partition",
    "How far each stage's durable outputs reach; the newest fact per key holds.",
    compacted=True,
)

BALANCES = Topic(
    "asahi.internal.balances",
    Scope.INTERNAL,
    Balances,
    None,
    "tenant",
    "What budgets stand at, as far as usage is counted; the newest note per key holds.",
    compacted=True,
)

VERDICTS = Topic(
    "asahi.internal.verdicts",
    Scope.INTERNAL,
    Verdict,
    None,
    "tenant",
    "Whether answers served to questions in other words were right.",
)

WORKERS = Topic(
    "asahi.internal.workers",
    Scope.INTERNAL,
    None,
    None,
    "worker",
    "What each worker says of itself: that it is there, and how much of governance it knows.",
    copartitioned=False,
)

CATALOGUE: tuple[Topic, ...] = (
    REQUESTS,
    RESULTS,
    USAGE,
    SURVEYS,
    AUDIT,
    AUDIT_LINKS,
    AUDIT_CHECKPOINTS,
    FEEDBACK,
    RECOMMENDATIONS,
    DEADLETTER,
    GOVERNANCE,
    DISPATCH,
    COMPLETIONS,
    JOBS,
    CHECKPOINTS,
    BALANCES,
    VERDICTS,
    WORKERS,
)
PUBLIC: tuple[Topic, ...] = tuple(topic for topic in CATALOGUE if topic.scope is Scope.PUBLIC)
EVENTS: tuple[Topic, ...] = (*PUBLIC, TEAMS, USERS, KEYS, DATA_KEYS, DESTROYED_DATA_KEYS)
"""Every kind of public event with its topic: most topics have one kind, `asahi.governance` has six."""
