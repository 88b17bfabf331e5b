"""What a pass over the rollups asks of ClickHouse. Pure: statements made of names of our own tables and of numbers.

A minute, hour or day is rolled up by copying it out of its own view: as long as its note is there, the view sums it from
what lies below. So the sums are written down in one place, the views.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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
        seconds: How long one is.
        at_once: Most of them that one statement sums.
        above: The level that is summed from this one, if any.
    """

    name: str
    seconds: int
    at_once: int
    above: Level | None = None


DAY = Level("day", 86_400, 7)
HOUR = Level("hour", 3_600, 48, DAY)
MINUTE = Level("minute", 60, 60, HOUR)
LEVELS = (MINUTE, HOUR, DAY)
"""From the finest: each is made of the one before it."""

REPEAT_SECONDS = 6 * HOUR.seconds
"""How far apart a result and the same one made again after a crash may have ended."""

TOUCHED = """
SELECT toUnixTimestamp(start) AS start, token, toUnixTimestamp(at) AS at FROM rollup_touched FINAL
WHERE source = {source:String} AND level = {level:String} AND done = 0 AND start < {before:DateTime('UTC')}
ORDER BY start LIMIT {limit:UInt64}
"""
NOTES = ("source", "level", "start", "token", "done", "at")

CLOCK = "SELECT toUnixTimestamp(now()) AS seconds"
VERSION = """
SELECT greatest(toUInt64(toUnixTimestamp64Micro(now64(6))), (SELECT max(version) + 1 FROM rollup_versions)) AS version
"""

SETTLED = """
SELECT _partition_id AS id, max(at) AS newest FROM rollup_touched FINAL GROUP BY id
HAVING max(done = 0) = 0 AND newest < toDateTime({since:Int64}, 'UTC') - INTERVAL 10 MINUTE
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
    """Return Unix seconds as a list of moments."""
    return ", ".join(f"toDateTime({start}, 'UTC')" for start in starts)


def copied(source: Source, level: Level, starts: Iterable[int], version: int) -> str:
    """Return the statement that sums these minutes, hours or days anew, as one version."""
    view = f"{source}_by_{level.name}"
    spans = f"toDateTime({level.name}, 'UTC') IN ({moments(starts)})" if level is DAY else ""
    spans = spans or f"{level.name} IN ({moments(starts)})"
    return f"INSERT INTO {view}_store SELECT *, {version} AS version FROM {view} WHERE {spans}"  # noqa: S608 - names and numbers


def versions(source: Source, level: Level, starts: Iterable[int], version: int) -> str:
    """Return the statement that lets this version count."""
    return f"INSERT INTO rollup_versions SELECT '{source}', '{level.name}', arrayJoin([{moments(starts)}]), {version}"


def touched(source: Source, level: Level, starts: Iterable[int]) -> str:
    """Return the statement that notes of these minutes, hours or days that they are to be summed anew."""
    return (
        "INSERT INTO rollup_touched"
        f" SELECT '{source}', '{level.name}', arrayJoin([{moments(starts)}]), rand64(), 0, now()"
    )


def everything(source: Source) -> str:
    """Return the statement that notes every minute there is or was."""
    moment, store = ("occurred_at", "calls_store") if source is Source.USAGE else ("completed_at", "endings_store")
    return EVERYTHING.format(source=source, moment=moment, store=store)


def repeats(starts: Iterable[int]) -> str:
    """Return the query for the copies of results of these minutes that do not hold and are not named yet."""
    those = sorted(starts)
    return REPEATS.format(since=those[0] - REPEAT_SECONDS, until=those[-1] + REPEAT_SECONDS, starts=moments(those))
