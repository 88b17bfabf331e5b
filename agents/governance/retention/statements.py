"""What is too old, and taking its content out, as statements for ClickHouse.

Owners and moments are compared inside ClickHouse, so that no event travels. A mutation rewrites the columns `value`
and `content_removed_at` of those parts in which something is due, one partition at a time, however much is due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agents.governance.retention import events
from agents.governance.retention.rules import Horizon, Owner, Rules
from streams.signing import KEY_ID_HEADER
from streams.topics import DEADLETTER, FEEDBACK, REQUESTS, RESULTS

LATE_RESULTS = timedelta(days=2)
"""A result is as old as its request; where it stands on the log that much later or more, its own time counts."""
OVERLAP = timedelta(minutes=10)
"""Of two looks at the archive: clocks differ, and an insert is seen when it is finished."""

MOMENT = "least(timestamp, toDateTime64(archived_at, 3, 'UTC'))"
"""When a message reached the log. A producer may state a time to come; it does not outlast what the sink knows."""
RESULT_MOMENT = (
    f"least({MOMENT}, ifNull(parseDateTime64BestEffortOrNull("
    f"JSONExtractString({events.VALUE}, 'received_at'), 3, 'UTC'), {MOMENT}))"
)
KEY_ID = f"headers['{KEY_ID_HEADER}']"
TENANT = f"JSONExtractString({events.VALUE}, 'tenant')"
SOURCE = f"JSONExtractString({events.VALUE}, 'source_topic')"
TOPICS = (REQUESTS.name, RESULTS.name, DEADLETTER.name, FEEDBACK.name)

Narrow = Callable[[Horizon], list[str]]
"""Conditions under which an event belongs to the users or keys of a horizon."""


@dataclass(frozen=True, slots=True)
class Look:
    """Which part of the archive is looked at.

    Attributes:
        now: What ages count to.
        since: When it was last looked at under the same rules: only what became too old since then, or was archived
            since then, is looked at. None looks at everything.
        tenant: Look only at messages with this key, and at dead letters.
    """

    now: datetime
    since: datetime | None = None
    tenant: str | None = None


class Statements:
    """The statements of one look under one set of rules; there must be some."""

    def __init__(self, rules: Rules, look: Look) -> None:
        self._rules = rules
        self._look = look
        self._strictest = moment(rules.horizons[0].cutoff(look.now))

    def survey(self) -> str:
        """Return the query that counts what is due, by partition, topic and tenant, with its bytes."""
        request = f"({_tenant_of('b', 'key')}, length(b))"
        found = _by_topic(
            f"arrayMap(b -> {request}, arrayFilter(b -> {self._request_due('b')}, {events.REQUEST_BODIES}))",
            f"[({TENANT}, {events.RESULT_BYTES})]",
            f"[({_tenant_of(f'{events.LETTER_BODIES}[1]', _letter_key())}, length({events.VALUE}))]",
            f"[({TENANT}, length({events.VALUE}))]",
            "[('', toUInt64(0))]",
        )
        return (
            "SELECT partition, topic, pair.1 AS tenant, count() AS events, sum(pair.2) AS bytes FROM"  # noqa: S608
            f" (SELECT _partition_id AS partition, toString(topic) AS topic, arrayJoin({found}) AS pair"
            f" FROM archive_store PREWHERE {self._looked_at()} WHERE {self._is_due()})"
            " GROUP BY partition, topic, tenant ORDER BY partition, topic, tenant"
        )

    def removal(self, partition: str) -> str:
        """Return the mutation that takes out of one partition what is due in it."""
        stripped = f"if({self._request_due('b')}, {events.request_without_content('b')}, b)"
        requests = f"arrayMap(b -> {stripped}, {events.REQUEST_BODIES})"
        is_array = f"startsWith(trim(LEADING {events.WHITESPACE} FROM {events.VALUE}), '[')"
        whole = f"notEmpty(JSONExtractArrayRaw({events.VALUE}))"
        value = _by_topic(
            f"if({is_array} AND {whole}, concat('[', arrayStringConcat({requests}, ','), ']'), {requests}[1])",
            events.RESULT_WITHOUT_CONTENT,
            events.LETTER_WITHOUT_CONTENT,
            events.FEEDBACK_WITHOUT_CONTENT,
            events.VALUE,
        )
        young = f"NOT {self._request_expired('b')}"
        left = f"arrayExists(b -> {events.request_has_content('b')} AND {young}, {events.REQUEST_BODIES})"
        now = f"toDateTime({int(self._look.now.timestamp())}, 'UTC')"
        return (
            f"ALTER TABLE archive_store UPDATE value = {value},"
            f" content_removed_at = if(topic = '{REQUESTS.name}' AND {left}, content_removed_at, {now})"
            f" IN PARTITION ID '{partition}' WHERE {self.due()}"
        )

    def tables(self) -> dict[str, tuple[str, str]]:
        """Return what of the tables quotes content that is due: by table the condition, and what is set."""
        answered = self._expired("tenant", "user", "least(received_at, timestamp)", self._of_event("event_key"))
        said = (
            f"startsWith(error_code, '{events.PROVIDER_CODES}') AND error_message NOT IN"
            f" ('', '{events.REMOVED_MESSAGE}') AND {answered}"
        )
        graded = self._expired("tenant", None, MOMENT, self._of_request("tenant", "request_id"))
        commented = f"comment != '' AND {graded}"
        return {
            "results_store": (said, f"error_message = '{events.REMOVED_MESSAGE}'"),
            "feedback_store": (commented, "comment = ''"),
        }

    def tracebacks(self) -> str:
        """Return the query for dead letters whose traceback is due, by place: a bug's message may quote content."""
        return (
            f"SELECT cluster, partition, offset FROM archive_store WHERE topic = '{DEADLETTER.name}'"  # noqa: S608
            f" AND (cluster, partition, offset) IN"
            f" (SELECT cluster, partition, offset FROM dead_letters_store WHERE traceback != '') AND {self.due()}"
        )

    def due(self) -> str:
        """Return whether there is content in a row of the archive that may not be kept any longer."""
        return f"({self._looked_at()}) AND {self._is_due()}"

    def _is_due(self) -> str:
        result = self._expired(
            TENANT,
            f"JSONExtractString({events.VALUE}, 'user')",
            RESULT_MOMENT,
            self._of_request(TENANT, _string("id")),
        )
        graded = self._expired(TENANT, None, MOMENT, self._of_request(TENANT, _string("request_id")))
        due = _by_topic(
            f"arrayExists(b -> {self._request_due('b')}, {events.REQUEST_BODIES})",
            f"({events.RESULT_HAS_CONTENT} AND {result})",
            f"({events.LETTER_HAS_CONTENT} AND {self._letter_expired()})",
            f"({events.FEEDBACK_HAS_CONTENT} AND {graded})",
            "0",
        )
        return f"({due})"

    def _looked_at(self) -> str:
        """Return what needs no look into an event: its topic, age and message key. Nothing due is left out by it."""
        rules, now = self._rules, self._look.now
        oldest = rules.horizons[0].cutoff(now)
        parts = [
            f"topic IN ({events.texts(TOPICS)}) AND content_removed_at = toDateTime(0, 'UTC')",
            f"({_before(oldest)} OR archived_at < {moment(oldest)})",
        ]
        if self._look.tenant is not None:
            parts.append(f"(topic = '{DEADLETTER.name}' OR key = {_quoted([self._look.tenant])})")
        if rules.unlimited:
            parts.append(f"(topic = '{DEADLETTER.name}' OR ifNull(key, '') NOT IN ({_quoted(rules.unlimited)}))")
        if self._look.since is not None:
            since = self._look.since - OVERLAP
            spans = [f"archived_at >= {moment(since)}"]
            for horizon in rules.horizons:
                begin, end = moment(horizon.cutoff(since)), horizon.cutoff(now)
                spans.append(f"(timestamp >= {begin} AND {_before(end)})")
                spans.append(f"(archived_at >= {begin} AND archived_at < {moment(end)})")
            parts.append(f"({' OR '.join(spans)})")
        return " AND ".join(parts)

    def _request_due(self, body: str) -> str:
        return f"({events.request_has_content(body)} AND {self._request_expired(body)})"

    def _request_expired(self, body: str) -> str:
        tenant, user = _tenant_of(body, "key"), f"JSONExtractString({body}, 'user')"

        def narrow(horizon: Horizon) -> list[str]:
            key = f"concat({tenant}, '/', {KEY_ID})"
            found = [f"{key} IN ({owners(horizon.keys)})"] if horizon.keys else []
            if horizon.team_keys:
                found.append(f"({key} IN ({owners(horizon.team_keys)}){self._in_no_team(tenant, user)})")
            return found

        nobody_s = f"({tenant} = '' AND {MOMENT} < {self._strictest})"
        return f"({self._expired(tenant, user, MOMENT, narrow)} OR {nobody_s})"

    def _letter_expired(self) -> str:
        """Return whether a dead letter is too old for one of the requests in it; what names nobody is everybody's."""
        tenant, user = _tenant_of("b", _letter_key()), "JSONExtractString(b, 'user')"
        nobody_s = f"({tenant} = '' AND {MOMENT} < {self._strictest})"
        body = f"{self._expired(tenant, user, MOMENT, lambda horizon: [])} OR {nobody_s}"
        internal = f"(startsWith({SOURCE}, 'asahi.internal.') AND {MOMENT} < {self._strictest})"
        place = (
            f"(cluster, toUInt32(JSONExtractUInt({events.VALUE}, 'source_partition')),"
            f" JSONExtractUInt({events.VALUE}, 'source_offset'))"
        )
        keyed = [
            f"({MOMENT} < {moment(horizon.cutoff(self._look.now))} AND {SOURCE} = '{REQUESTS.name}'"
            f" AND {place} IN ({_places(horizon.keys | horizon.team_keys)}))"
            for horizon in self._rules.horizons
            if horizon.keys or horizon.team_keys
        ]
        return f"({' OR '.join([f'arrayExists(b -> {body}, {events.LETTER_BODIES})', internal, *keyed])})"

    def _of_request(self, tenant: str, request_id: str) -> Narrow:
        return self._of_event(f"reinterpretAsUInt128(sipHash128({tenant}, {request_id}))", by_user=True)

    def _of_event(self, event_key: str, *, by_user: bool = False) -> Narrow:
        """Return how an event finds its owner by the request it belongs to, where it does not name him itself."""

        def narrow(horizon: Horizon) -> list[str]:
            asked = []
            place = "(cluster, partition, offset)"
            if horizon.keys:
                asked.append(f"{place} IN ({_places(horizon.keys)})")
            if horizon.team_keys:
                asked.append(f"({place} IN ({_places(horizon.team_keys)}){self._in_no_team('tenant', 'user')})")
            if horizon.users and by_user:
                asked.append(f"concat(tenant, '/', user) IN ({owners(horizon.users)})")
            if not asked:
                return []
            return [f"{event_key} IN (SELECT event_key FROM requests_store WHERE {' OR '.join(asked)})"]  # noqa: S608

        return narrow

    def _in_no_team(self, tenant: str, user: str) -> str:
        if not self._rules.in_teams:
            return ""
        return f" AND concat({tenant}, '/', {user}) NOT IN ({owners(self._rules.in_teams)})"

    def _expired(self, tenant: str, user: str | None, at: str, narrow: Narrow) -> str:
        """Return whether something is older than the policies of its owner let it be."""
        expired = []
        for horizon in self._rules.horizons:
            whose = [f"{tenant} IN ({_quoted(horizon.tenants)})"] if horizon.tenants else []
            if horizon.users and user is not None:
                whose.append(f"concat({tenant}, '/', {user}) IN ({owners(horizon.users)})")
            whose += narrow(horizon)
            if whose:
                expired.append(f"({at} < {moment(horizon.cutoff(self._look.now))} AND ({' OR '.join(whose)}))")
        return f"({' OR '.join(expired)})" if expired else "0"


def _before(end: datetime) -> str:
    """Return whether a message stands on the log early enough to be older; a result may stand there later."""
    late = f"(topic = '{RESULTS.name}' AND timestamp < {moment(end + LATE_RESULTS)})"
    return f"(timestamp < {moment(end)} OR {late})"


def moment(at: datetime) -> str:
    """Return a moment as a literal."""
    return f"toDateTime64('{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}', 3, 'UTC')"


def owners(pairs: Iterable[Owner]) -> str:
    """Return owners as literals. Names have no slash: a text with more of them is nobody's."""
    return _quoted(f"{tenant}/{name}" for tenant, name in pairs)


def _quoted(names: Iterable[str]) -> str:
    escaped = (name.replace("\\", "\\\\").replace("'", "\\'") for name in sorted(names))
    return ", ".join(f"'{name}'" for name in escaped)


def _places(keys: Iterable[Owner]) -> str:
    return (
        f"SELECT cluster, partition, offset FROM archive_store WHERE topic = '{REQUESTS.name}'"  # noqa: S608
        f" AND {KEY_ID} IN ({_quoted(name for _, name in keys)})"
    )


def _by_topic(*expressions: str) -> str:
    cases: Sequence[tuple[str, str]] = list(zip(TOPICS, expressions, strict=False))
    return f"multiIf({', '.join(f'topic = {topic!r}, {said}' for topic, said in cases)}, {expressions[-1]})"


def _tenant_of(body: str, key: str) -> str:
    """Return whose a request is: as it says, else as the message's key says."""
    named = f"JSONExtractString({body}, 'tenant')"
    return f"if({named} != '', {named}, ifNull({key}, ''))"


def _letter_key() -> str:
    return _string("key")


def _string(name: str) -> str:
    return f"JSONExtractString({events.VALUE}, '{name}')"
