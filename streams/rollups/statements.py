"""What a pass over the rollups asks of ClickHouse. Pure: statements made of names of our own tables and of numbers.

A minute, hour or day is rolled up by copying it out of its own view: as long as its note is there, the view sums it
from what lies below. So the sums are written down in one place, the views.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class Source(StrEnum):
    """What is summed."""

    USAGE = "usage"
    RESULTS = "results"


@dataclass(frozen=True, slots=True)
class Level:
    """How finely.

    Attributes:
        name: As it stands in the names of tables and views.
        floor: From Unix seconds to when the minute, hour, day or month they are in began.
        at_once: Most of them that one statement sums.
        above: The level that is summed from this one, if any.
    """

    name: str
    floor: Callable[[int], int]
    at_once: int
    above: Level | None = None


def _whole(seconds: int) -> Callable[[int], int]:
    return lambda moment: moment // seconds * seconds


def _month(moment: int) -> int:
    day = datetime.fromtimestamp(moment, UTC)
    return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp())


HOUR_SECONDS = 3_600
MONTH = Level("month", _month, 3)
DAY = Level("day", _whole(24 * HOUR_SECONDS), 5, MONTH)
HOUR = Level("hour", _whole(HOUR_SECONDS), 72, DAY)
MINUTE = Level("minute", _whole(60), 1_440, HOUR)
LEVELS = (MINUTE, HOUR, DAY, MONTH)
"""From the finest: each is made of the one before it."""

REPEAT_SECONDS = 6 * HOUR_SECONDS
"""How far apart a result and the same one made again after a crash may have ended."""

TOUCHED = """
SELECT toUnixTimestamp(start) AS start, token, toUnixTimestamp(at) AS at FROM rollup_touched FINAL
WHERE source = {source:String} AND level = {level:String} AND done = 0 AND start < {before:DateTime('UTC')}
ORDER BY start LIMIT {limit:UInt64}
"""
AGGREGATE = "AggregateFunction("
OURS = frozenset(("level", "start", "version"))
COLUMNS = """
SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String} ORDER BY position
"""
NOTES = ("source", "level", "start", "token", "done", "at")

CLOCK = "SELECT toUnixTimestamp(now()) AS seconds"
VERSION = """
SELECT greatest(toUInt64(toUnixTimestamp64Micro(now64(6))), (SELECT max(version) + 1 FROM rollup_versions)) AS version
"""

SETTLED = """
SELECT _partition_id AS id, max(at) AS newest FROM rollup_touched FINAL GROUP BY id
HAVING max(done = 0) = 0 AND newest < toDateTime({since:Int64}, 'UTC') - INTERVAL 1 MINUTE
"""
"""Parts of the notes that are all done, and that no insert under way can add to."""

PENDING = "SELECT count() AS found FROM rollup_touched FINAL WHERE done = 0"

EVERYTHING = """
INSERT INTO rollup_touched
SELECT DISTINCT '{source}', 'minute', start, rand64(), 0, now() FROM
(
    SELECT DISTINCT toStartOfMinute({moment}) AS start FROM {store}
    UNION DISTINCT
    SELECT start FROM rollup_versions WHERE source = '{source}' AND level = 'minute'
)
"""

REPEATS = """
SELECT copy.2 AS minute, event_key FROM
(
    SELECT
        event_key,
        arraySort(copy -> bitNot(copy.1), groupUniqArray((precedence, toStartOfMinute(completed_at)))) AS copies
    FROM endings_store
    WHERE completed_at >= toDateTime64({since}, 6, 'UTC') AND completed_at < toDateTime64({until}, 6, 'UTC')
      AND event_key IN (SELECT event_key FROM endings_store WHERE toStartOfMinute(completed_at) IN ({starts}))
    GROUP BY event_key
    HAVING uniqExact(toStartOfMinute(completed_at)) > 1
)
ARRAY JOIN arrayFilter(copy -> copy.2 != copies[1].2, copies) AS copy
WHERE (minute, event_key) NOT IN (SELECT minute, event_key FROM results_repeats)
"""
"""Of a result that ended in several minutes the earliest event holds, as in `results`."""
MINUTES = "SELECT DISTINCT toUnixTimestamp(minute) AS start FROM ({query})"


def moments(starts: Iterable[int]) -> str:
    """Return Unix seconds as a query for moments: as a list of moments they cost milliseconds each to be read."""
    return f"SELECT toDateTime(arrayJoin([{', '.join(map(str, starts))}]), 'UTC')"


def within(column: str, starts: Sequence[int]) -> str:
    """Return the condition that a column is one of these moments; the index is asked for the whole span."""
    first, last = (f"toDateTime({bound}, 'UTC')" for bound in (min(starts), max(starts)))
    return f"{column} BETWEEN {first} AND {last} AND {column} IN ({moments(starts)})"


def copied(source: Source, level: Level, columns: Iterable[Mapping[str, str]], starts: Sequence[int], at: int) -> str:
    """Return the statement that sums these minutes, hours or days anew, as one version.

    Args:
        source: What is summed.
        level: How finely.
        columns: Names and types of the columns of the table, in its order.
        starts: Unix seconds.
        at: The version.
    """
    view = f"{source}_by_{level.name}"
    start = f"toDateTime({level.name}, 'UTC')" if level in (DAY, MONTH) else level.name
    names, parts, keys = _summing(columns)
    return (
        f"INSERT INTO {view}_store (start, version, {names})"  # noqa: S608 - names and numbers
        f" SELECT {start} AS start, {at} AS version, {parts} FROM {view} AS r"
        f" WHERE {within(start, starts)} GROUP BY start, {keys}"
    )


def overview(
    source: Source, level: Level, columns: Iterable[Mapping[str, str]], starts: Sequence[int], at: int
) -> str:
    """Return the statement that sums what was just summed, over all organizations, as the same version.

    Args:
        source: What is summed.
        level: How finely: by hour, day or month.
        columns: Names and types of the columns of the overview's table, in its order.
        starts: Unix seconds.
        at: The version.
    """
    names, parts, keys = _summing(columns)
    return (
        f"INSERT INTO {source}_overview_store (level, start, version, {names})"  # noqa: S608 - names and numbers
        f" SELECT '{level.name}' AS level, start, {at} AS version, {parts}"
        f" FROM {source}_by_{level.name}_store AS r WHERE {within('start', starts)} AND r.version = {at}"
        f" GROUP BY start, {keys}"
    )


def _summing(columns: Iterable[Mapping[str, str]]) -> tuple[str, str, str]:
    """Return the names of a table's columns, how they are summed, and those of what they are sums."""
    kept = [(column["name"], column["type"]) for column in columns if column["name"] not in OURS]
    names = [name for name, _ in kept]
    return (
        ", ".join(names),
        ", ".join([summed(name, kind) for name, kind in kept]),
        ", ".join([name for name, kind in kept if not is_sum(kind)]),
    )


def is_sum(kind: str) -> bool:
    """Return whether a column of this type is summed; the others say of what it is a sum."""
    return kind.startswith(("UInt64", "Float64", "Decimal", "Map", AGGREGATE))


def summed(name: str, kind: str) -> str:
    """Return a column, summed if it is a sum."""
    if kind.startswith(AGGREGATE):
        function = kind.removeprefix(AGGREGATE).rpartition(", ")[0]
        called, bracket, parameters = function.partition("(")
        return f"{called}MergeState{bracket}{parameters}(r.{name}) AS {name}"
    if not is_sum(kind):
        return name
    return f"{'sumMap' if kind.startswith('Map') else 'sum'}(r.{name}) AS {name}"


def versions(source: Source, level: Level, starts: Iterable[int], version: int) -> str:
    """Return the statement that lets this version count."""
    return (
        f"INSERT INTO rollup_versions SELECT '{source}', '{level.name}', start, {version}"  # noqa: S608 - names and numbers
        f" FROM ({moments(starts)} AS start)"
    )


def touched(source: Source, level: Level, starts: Iterable[int]) -> str:
    """Return the statement that notes of these minutes, hours or days that they are to be summed anew."""
    return (
        f"INSERT INTO rollup_touched SELECT '{source}', '{level.name}', start, rand64(), 0, now()"  # noqa: S608 - as above
        f" FROM ({moments(starts)} AS start)"
    )


def everything(source: Source) -> str:
    """Return the statement that notes every minute there is or was."""
    moment, store = ("occurred_at", "calls_store") if source is Source.USAGE else ("completed_at", "endings_store")
    return EVERYTHING.format(source=source, moment=moment, store=store)


def repeats(starts: Iterable[int]) -> str:
    """Return the query for the copies of results of these minutes that do not hold and are not named yet."""
    those = sorted(starts)
    return REPEATS.format(since=those[0] - REPEAT_SECONDS, until=those[-1] + REPEAT_SECONDS, starts=moments(those))
