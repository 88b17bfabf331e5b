"""Filling the cache from the archive, after the log that it was a fold of is gone: `python -m agents.refill`.

The embedded broker forgets when it ends. Requests and results are in the archive; from them follow the completions
that the cache would have been rebuilt from, and they go where those would be: whoever owns a tenant takes them in,
and whoever takes over finds them.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from agents.cache.bringing import Given, brought_back
from agents.cache.warming import tokens_of
from agents.providers.completion_messages import completion_messages
from agents.recommend.reading import Facts, read_registry
from agents.recommendations.cases import Case
from schemas.batch import Completion, Target
from schemas.errors import AsahiError
from schemas.settings import Settings, load_settings
from schemas.wire import Answer
from streams.envelope import Publication
from streams.logs import configure_logging
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.topics import COMPLETIONS
from streams.warehouse.client import Warehouse

logger = logging.getLogger(__name__)

PAGE = 2_000
"""Requests read at a time."""
ANSWERED = "status = 'completed' AND attempts = 1 AND completed_at >= {answered_since:DateTime64(6, 'UTC')}"
"""Of several attempts, results do not tell which one's tokens the answer took."""
SPAN = f"""
SELECT count() AS answers, min(completed_at) AS since, min(received_at) AS first FROM
(
    SELECT completed_at, received_at FROM results WHERE {ANSWERED} ORDER BY completed_at DESC LIMIT {{most:UInt64}}
)
"""  # noqa: S608 - constants
LONGEST_LIVED = "SELECT max(cache_ttl_seconds) AS seconds FROM tenants"
FAILED = 1


@dataclass(slots=True)
class Refilled:
    """What came of it.

    Attributes:
        answers: Brought back.
        looked_at: Results that were read.
    """

    answers: int = 0
    looked_at: int = 0


async def refill(settings: Settings, now: float) -> Refilled:
    """Bring back the newest answers, as many as the caches hold.

    Args:
        settings: Reach broker and archive.
        now: Unix seconds.

    Raises:
        BrokerUnavailable: No broker answers.
        WarehouseUnavailable: ClickHouse does not answer.
        WarehouseError: The tables are missing.
    """
    most = settings.intake.cache_entries * settings.kafka.partitions
    done = Refilled()
    async with Warehouse(settings.clickhouse) as warehouse, Outbox(settings.kafka) as outbox:
        (lived,) = await warehouse.rows(LONGEST_LIVED)
        alive_since = datetime.fromtimestamp(now - (lived["seconds"] or 0.0), UTC)
        (span,) = await warehouse.rows(SPAN, {"answered_since": alive_since, "most": most})
        if not span["answers"]:
            return done
        values = {
            "tenant": "",
            "since": span["first"].replace(tzinfo=UTC),
            "until": datetime.fromtimestamp(now, UTC),
            "answered_since": span["since"].replace(tzinfo=UTC),
        }
        facts = Facts(warehouse, await read_registry(warehouse), values, PAGE)
        async for cases in facts.meeting(ANSWERED, values):
            found = [one for one in (_brought_back(case, settings) for case in cases) if one is not None]
            await publish(outbox, settings, found)
            done.looked_at += len(cases)
            done.answers += len(found)
    return done


async def publish(outbox: Outbox, settings: Settings, completions: Iterable[Completion]) -> None:
    """Send completions to the owners of their tenants."""
    homes: dict[int, list[Completion]] = {}
    for completion in completions:
        homes.setdefault(completion.passenger.partition, []).append(completion)
    for home, those in homes.items():
        messages = completion_messages(those, settings.kafka.batch_bytes)
        await outbox.publish(COMPLETIONS.name, home, [Publication(message) for message in messages])


def _brought_back(case: Case, settings: Settings) -> Completion | None:
    result = case.result
    output, model, provider = result.output, result.model, result.provider
    if output is None or model is None or provider is None or result.checks:
        return None
    given = Given(
        case.request,
        Answer(output.content, output.tool_calls, output.finish_reason),
        tokens_of(result.usage),
        Target(model, provider),
        result.completed_at.timestamp(),
    )
    home = home_partition(case.request.tenant, settings.kafka.partitions)
    return brought_back(given, case.tenant, case.policy, home, settings.semantic.max_characters)


def main() -> int:
    """Run with the configuration of this environment; return the exit code."""
    try:
        settings = load_settings()
        configure_logging(settings.worker.log_level)
        done = asyncio.run(refill(settings, time.time()))
    except AsahiError as wrong:
        print(f"asahi refill: {wrong}", file=sys.stderr)  # noqa: T201 - the last word of a process that cannot work
        return FAILED
    logger.info("cache refilled", extra={"answers": done.answers, "looked_at": done.looked_at})
    return 0


if __name__ == "__main__":
    sys.exit(main())
