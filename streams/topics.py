"""The catalogue: every topic with its key, what travels on it, partitions, retention and cleanup."""

from __future__ import annotations

from dataclasses import replace

from schemas.anomaly import AnomaliesMuted, AnomalyAcknowledged, AnomalyEnded, AnomalyOpened
from schemas.audit import Audit
from schemas.audit_chain import AuditCheckpoint, AuditLinks
from schemas.balances import Balances
from schemas.batch import CallBatch, CompletionBatch
from schemas.deadletter import DeadLetter
from schemas.feedback import Feedback
from schemas.forecast import BudgetForecast, ForecastMade
from schemas.governance import (
    CacheEvicted,
    DataKeyDestroyed,
    DataKeyIssued,
    KeyIssued,
    TeamRegistered,
    UserRegistered,
)
from schemas.jobs import JobRecord
from schemas.minute import MinuteClosed
from schemas.recommendation import RecommendationMade
from schemas.request import Request
from schemas.result import Result
from schemas.survey import Survey
from schemas.tenant import TenantRegistered
from schemas.usage import Usage
from schemas.verdict import Verdict
from schemas.watch import Watched
from streams.topic import Scope as Scope
from streams.topic import Topic as Topic  # part of this module for those who import it

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
ANOMALIES = Topic(
    "asahi.anomalies",
    Scope.PUBLIC,
    AnomalyOpened,
    "asahi.anomaly.opened.v1",
    "tenant",
    "What is strange in the usage of an organization.",
)
ANOMALIES_ENDED = replace(
    ANOMALIES, event=AnomalyEnded, ce_type="asahi.anomaly.ended.v1", summary="It is as usual again."
)
ANOMALIES_ACKNOWLEDGED = replace(
    ANOMALIES,
    event=AnomalyAcknowledged,
    ce_type="asahi.anomaly.acknowledged.v1",
    summary="Somebody takes care of it.",
)
ANOMALIES_MUTED = replace(
    ANOMALIES, event=AnomaliesMuted, ce_type="asahi.mute.set.v1", summary="Nobody wants to be told of some."
)
"""What travels on `asahi.anomalies` besides those that open."""
FORECASTS = Topic(
    "asahi.forecasts",
    Scope.PUBLIC,
    ForecastMade,
    "asahi.forecast.made.v1",
    "tenant",
    "What an organization will probably spend and ask.",
)
BUDGET_FORECASTS = replace(
    FORECASTS,
    event=BudgetForecast,
    ce_type="asahi.budget.forecast.v1",
    summary="When a budget will be used up, and how probably.",
)
MINUTES = Topic(
    "asahi.minutes",
    Scope.PUBLIC,
    MinuteClosed,
    "asahi.minute.closed.v1",
    "minute",
    "Up to where the figures in ClickHouse are complete.",
    copartitioned=False,
)
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
EVICTIONS = replace(
    GOVERNANCE,
    event=CacheEvicted,
    ce_type="asahi.cache.evicted.v1",
    key="tenant/eviction/selector",
    summary="Answers that were taken out of the cache.",
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

WATCH = Topic(
    "asahi.internal.watch",
    Scope.INTERNAL,
    Watched,
    None,
    "tenant",
    "What the analyst knows of each organization's usage; the newest note per key holds.",
    compacted=True,
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
    ANOMALIES,
    FORECASTS,
    MINUTES,
    RECOMMENDATIONS,
    DEADLETTER,
    GOVERNANCE,
    DISPATCH,
    COMPLETIONS,
    JOBS,
    CHECKPOINTS,
    BALANCES,
    VERDICTS,
    WATCH,
    WORKERS,
)
PUBLIC: tuple[Topic, ...] = tuple(topic for topic in CATALOGUE if topic.scope is Scope.PUBLIC)
EVENTS: tuple[Topic, ...] = (
    *PUBLIC,
    ANOMALIES_ENDED,
    ANOMALIES_ACKNOWLEDGED,
    ANOMALIES_MUTED,
    BUDGET_FORECASTS,
    TEAMS,
    USERS,
    KEYS,
    DATA_KEYS,
    DESTROYED_DATA_KEYS,
    EVICTIONS,
)
"""Every kind of public event with its topic: most topics have one kind, `asahi.governance` has seven."""
