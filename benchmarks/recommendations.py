"""What `asahi recommend` takes for many logged requests: `python -m benchmarks.recommendations --requests 1000000`.

A week of made-up traffic of one tenant: a tenth names its model, a tenth repeats a question and bypasses the cache, a
fifth has a deadline a day away, the rest has nothing to recommend. Savings are checked by hand-made sums in SQL.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil

from agents.recommend.command import find
from schemas.settings import ClickHouseSettings, ProviderSettings, Settings
from streams.archive.replay import FILL_SETTINGS
from streams.embedded.warehouse import EmbeddedWarehouse
from streams.warehouse.client import Warehouse
from streams.warehouse.migrations import migrate

DAYS = 7
QUESTIONS = 100
"""Different ones among those that are repeated."""
DEAR = "0.0040"
CHEAP = "0.00008"
KINDS_OF_TRAFFIC = """
    number % 10 = 0 AS named, number % 10 = 1 AS repeated, number % 10 IN (2, 3) AS due,
    concat('r', toString(number)) AS name,
    toDateTime64('{since}', 3, 'UTC') + toIntervalMillisecond(toUInt64(number * {pause})) AS at,
    replaceOne(toString(at), ' ', 'T') AS moment
"""
REQUEST = """
INSERT INTO archive_store (cluster, topic, partition, offset, timestamp, key, value)
SELECT 'bench', 'asahi.requests', number % 8, number, at, 'demo',
    concat('{{"id":"', name, '","tenant":"demo","prompt":"',
        if(repeated, concat('How do refunds work for plan ', toString(intDiv(number, 10) % {questions}), '?'),
            concat('Ticket ', toString(number), ': ', {text})),
        '","constraints":{{"min_quality":0.9', if(due, concat(',"deadline":"',
            replaceOne(toString(at + INTERVAL 1 DAY), ' ', 'T'), 'Z"'), ''), '}}',
        if(named, ',"mode":"explicit","model":"gpt-4-turbo"', ''),
        if(repeated, ',"cache":{{"directive":"bypass"}}', ''), '}}')
FROM (SELECT number, {kinds} FROM numbers({requests}))
"""
RESULT = """
INSERT INTO archive_store (cluster, topic, partition, offset, timestamp, key, value, ce_id)
SELECT 'bench', 'asahi.results', number % 8, number, at, 'demo',
    concat('{{"id":"', name, '","tenant":"demo","status":"completed","output":{{"content":"', {text},
        '","finish_reason":"stop"}},"model":"', if(named, 'gpt-4-turbo', 'gpt-oss-120b'), '","provider":"open",',
        '"lane":"interactive","usage":{{"input_tokens":100,"output_tokens":100}},"cost_usd":"',
        if(named, '{dear}', '{cheap}'), '","decision":{{"rule":"', if(named, 'explicit_model',
        'cheapest_meeting_constraints'), '","reason":"made up","predicted_quality":0.9}},"attempts":1,',
        '"received_at":"', moment, 'Z","completed_at":"', moment, 'Z"}}'), name
FROM (SELECT number, {kinds} FROM numbers({requests}))
"""
TENANT = """
INSERT INTO archive_store (cluster, topic, partition, offset, timestamp, key, value)
SELECT 'bench', 'asahi.governance', 0, 0, now64(3), 'demo', '{"tenant":"demo","reference_model":"gpt-4-turbo"}'
"""
TEXT = "repeat('the blue kettle arrived late and has a scratch. ', 4)"


async def measure(requests: int) -> dict[str, Any]:
    """Return what finding everything took, and what was found."""
    until = datetime.now(UTC).replace(microsecond=0)
    since = until - timedelta(days=DAYS)
    pause = DAYS * 86_400_000 / requests
    kinds = KINDS_OF_TRAFFIC.format(since=since.replace(tzinfo=None), pause=pause)
    fields = {
        "kinds": kinds,
        "requests": requests,
        "questions": QUESTIONS,
        "text": TEXT,
        "dear": DEAR,
        "cheap": CHEAP,
    }
    with tempfile.TemporaryDirectory() as folder:
        engine = EmbeddedWarehouse(Path(folder), port=0, start_timeout=120.0)
        await engine.start()
        try:
            clickhouse = ClickHouseSettings(url=engine.url, timeout_seconds=3_600.0)
            settings = Settings(clickhouse=clickhouse, providers={"open": ProviderSettings(kind="openai")})
            models = Path(folder) / "models.yaml"
            shipped = settings.models_file.read_text().replace("[simulated]", "[open]")
            models.write_text(shipped.replace("cached_input: 0.075, output: 0.6}", "output: 0.6, batch: 0.5}"))
            settings = settings.model_copy(update={"models_file": models})
            await migrate(settings)
            async with Warehouse(clickhouse) as warehouse:
                for sql in (REQUEST.format(**fields), RESULT.format(**fields), TENANT):
                    await warehouse.command(sql, settings=FILL_SETTINGS)
                await warehouse.command("OPTIMIZE TABLE archive_store FINAL")
            process = psutil.Process(engine.process.pid)
            engine_before, own_before = process.cpu_times().user, time.process_time()
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            started = time.monotonic()
            found = await find(settings, since, until + timedelta(days=1))
            seconds = time.monotonic() - started
            return {
                "requests": found.requests,
                "seconds": round(seconds, 1),
                "cpu_seconds": round(time.process_time() - own_before, 1),
                "engine_cpu_seconds": round(process.cpu_times().user - engine_before, 1),
                "engine_memory_mb": round(process.memory_info().rss / 1e6),
                "memory_before_mb": round(memory / 1e3),
                "most_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
                "recommendations": {
                    made.kind: {"requests": made.requests, "saving_usd": f"{made.saving_usd:f}"}
                    for made in found.recommendations
                },
                "named_cost_usd": f"{Decimal(DEAR) * (requests // 10):f}",
            }
        finally:
            await engine.stop()


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(measure(arguments.requests)), indent=2))


if __name__ == "__main__":
    main()
