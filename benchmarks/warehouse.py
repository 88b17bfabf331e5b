"""What ClickHouse takes and answers: `python -m benchmarks.warehouse --rows 10000000`; prints one JSON object.

Calls of three months (`benchmarks.warehouse_rows`) go through the sink's own writer, block by block, into an engine
of their own. Rows per second count the time in the writer, from records to the acknowledged insert with all views;
making the records up is not part of it. Results are made of the calls by ClickHouse itself, some out of a cache. Then
everything is rolled up as the sink does it, and every panel of the dashboard is asked again and again, for several
spans of time. CPU is that of the engine's process.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: its folder is on the path, the checkout is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
import uvloop

from benchmarks.harness import percentile
from benchmarks.warehouse_rows import Span, by_place, records
from dashboards.panels import PANELS
from schemas.settings import ClickHouseSettings, Settings
from streams.archive.replay import FILL_SETTINGS
from streams.embedded.warehouse import EmbeddedWarehouse
from streams.rollups import roll_up
from streams.sink.__main__ import GC_THRESHOLDS
from streams.sink.block import Block
from streams.sink.counters import Counters
from streams.sink.writer import Writer
from streams.warehouse.client import Warehouse
from streams.warehouse.migrations import migrate

PATIENCE_SECONDS = 3_600.0
PASS_SECONDS = 30.0
NOTES_LEFT = "SELECT count() AS found FROM rollup_touched"
NOTES_OF_AN_HOUR = 10_000
RANGES = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7), "all": timedelta(days=400)}
"""How far back the panels look."""
MILLISECONDS = 1000
ROWS_AT_ONCE = 1_000_000
"""So many are made up before they are written."""
END = "end"
"""The file in a folder that stays with the time its rows end at."""
RESULTS = """
INSERT INTO results_store
    (event_key, id, tenant, user, team, status, model, provider, lane, task_type, input_tokens, cached_input_tokens,
    output_tokens, cost_usd, baseline_model, baseline_cost_usd, savings_usd, decision_rule, cache_tier,
    cache_age_seconds, stages_ms, latency_ms, attempts, received_at, completed_at, timestamp)
SELECT
    reinterpretAsUInt128(sipHash128(tenant, request_id)), request_id, tenant, user, team,
    if(cached, 'cached', 'completed'), model, provider, lane, task_type, input_tokens, cached_input_tokens,
    output_tokens, if(cached, 0, cost_usd) AS cost, 'gpt-4-turbo',
    toDecimal128(input_tokens * 10 + output_tokens * 30, 18) / 1000000 AS baseline,
    if(cached, map('cache_exact', baseline), map('routing', baseline - cost)), if(cached, 'cache_exact', 'cheapest'),
    if(cached, 'exact', ''), if(cached, 40, NULL),
    map('governance', 0.2, 'cache', 0.1, 'windows', 3 * rand() / 4294967295, 'routing', 0.3, 'providers', latency_ms),
    if(cached, 2 + rand() / 4294967295, latency_ms + 20), not cached, occurred_at,
    occurred_at + toIntervalMillisecond(toInt64(latency_ms)), occurred_at
FROM (SELECT *, cityHash64(request_id) % 4 = 0 AS cached FROM usage)
"""
SIZES = """
SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes, count() AS parts FROM system.parts
WHERE database = currentDatabase() AND active GROUP BY table HAVING rows > 0 ORDER BY bytes DESC
"""
COLUMNS = """
SELECT column, sum(column_data_compressed_bytes) AS bytes FROM system.parts_columns
WHERE database = currentDatabase() AND table = 'calls_store' AND active GROUP BY column ORDER BY bytes DESC
"""


class Engine:
    """The engine's process, watched."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)

    def cpu(self) -> float:
        """Return CPU seconds used so far."""
        return float(sum(self._process.cpu_times()[:2]))


async def _nowhere(_: object, __: object) -> None:
    raise AssertionError("an event of the benchmark was refused")


async def fill(settings: Settings, warehouse: Warehouse, engine: Engine, span: Span, options: Any) -> dict[str, Any]:
    """Write the calls through the sink's writer; return how fast that was."""
    limits = settings.clickhouse
    counters = Counters()
    writer = Writer(limits, warehouse, "bench", _nowhere, counters)  # type: ignore[arg-type]  # never called
    seconds, cpu, own = 0.0, engine.cpu(), 0.0
    made = records(span, options.rows, limits.block_rows, options.seed, options.random_ids)
    while some := [Block(by_place(one)) for one in islice(made, max(1, ROWS_AT_ONCE // limits.block_rows))]:
        began, busy = time.perf_counter(), time.process_time()
        await write(writer, some)
        seconds, own = seconds + time.perf_counter() - began, own + time.process_time() - busy
    return {
        "rows": counters.rows,
        "blocks": counters.blocks,
        "rows_per_second": round(counters.rows / seconds),
        "block_rows": limits.block_rows,
        "sink_cpu_us_per_row": round(own / counters.rows * 1e6, 2),
        "engine_cpu_us_per_row": round((engine.cpu() - cpu) / counters.rows * 1e6, 2),
    }


async def write(writer: Writer, blocks: list[Block]) -> None:
    """Write blocks as the sink does: each is encoded while the one before it is written."""
    writing: asyncio.Task[None] | None = None
    for block in blocks:
        encoded = await asyncio.to_thread(writer.encode, block)
        if writing is not None:
            await writing
        writing = asyncio.create_task(writer.write(encoded))
    if writing is not None:
        await writing


async def rolled(warehouse: Warehouse, engine: Engine, rows: int) -> dict[str, Any]:
    """Roll everything up; return what that cost."""
    began, cpu = time.perf_counter(), engine.cpu()
    done = await roll_up(warehouse)
    told = {
        "minutes": done.minutes,
        "seconds": round(time.perf_counter() - began, 2),
        "engine_cpu_us_per_row": round((engine.cpu() - cpu) / rows * 1e6, 2),
    }
    while (await warehouse.rows(NOTES_LEFT))[0]["found"] > NOTES_OF_AN_HOUR:  # the sink's next passes drop them
        await asyncio.sleep(PASS_SECONDS)
        await roll_up(warehouse)
    return told


async def sizes(warehouse: Warehouse, rows: int) -> dict[str, Any]:
    """Return bytes on disk: per call, and where they are."""
    tables = {row["table"]: row for row in await warehouse.rows(SIZES)}
    calls = tables["calls_store"]
    columns = await warehouse.rows(COLUMNS)
    rollups = sum(row["bytes"] for name, row in tables.items() if name.startswith("usage_by_"))
    return {
        "bytes_per_usage_row": round(calls["bytes"] / rows, 1),
        "rollup_bytes_per_usage_row": round(rollups / rows, 1),
        "columns": {row["column"]: round(row["bytes"] / rows, 2) for row in columns if row["bytes"] > rows / 10},
        "tables": {name: {key: row[key] for key in ("rows", "bytes", "parts")} for name, row in tables.items()},
    }


async def asked(warehouse: Warehouse, end: datetime, times: int) -> dict[str, Any]:
    """Return how long every panel takes to answer, for every range; milliseconds."""
    answered: dict[str, Any] = {}
    everything: list[float] = []
    for name, panel in PANELS.items():
        for label, back in RANGES.items():
            took = []
            for _ in range(times):
                began = time.perf_counter()
                await panel.ask(warehouse, end - back)
                took.append((time.perf_counter() - began) * MILLISECONDS)
            everything += took
            answered[f"{name}/{label}"] = _spread(took)
    return {"all": _spread(everything), "slowest": _slowest(answered), "panels": answered}


def _spread(took: list[float]) -> dict[str, float]:
    return {"p50": round(percentile(took, 0.5), 1), "p95": round(percentile(took, 0.95), 1)}


def _slowest(answered: dict[str, dict[str, float]]) -> dict[str, float]:
    name = max(answered, key=lambda name: answered[name]["p95"])
    return {name: answered[name]["p95"]}


async def measure(options: Any) -> dict[str, Any]:
    """Return all figures."""
    if options.keep:
        return await _in(Path(options.keep), options)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        return await _in(Path(folder), options)


async def _in(folder: Path, options: Any) -> dict[str, Any]:
    engine = EmbeddedWarehouse(folder, port=0, start_timeout=120.0)
    await engine.start()
    try:
        limits = ClickHouseSettings(url=engine.url, timeout_seconds=PATIENCE_SECONDS, **_blocks(options))
        settings = Settings(clickhouse=limits)
        await migrate(settings)
        async with Warehouse(limits) as warehouse:
            return await _measured(settings, warehouse, Engine(engine.process.pid or 0), folder / END, options)
    finally:
        await engine.stop()


def _blocks(options: Any) -> dict[str, Any]:
    """Return settings for blocks of another size than the sink's."""
    if options.block_rows is None:
        return {}
    return {"block_rows": options.block_rows}


async def _measured(
    settings: Settings, warehouse: Warehouse, engine: Engine, note: Path, options: Any
) -> dict[str, Any]:
    """Return the figures of a folder; what an earlier run filled is not filled again."""
    told: dict[str, Any] = {}
    span = filled(note)
    if span is None:
        span = Span(datetime.now(UTC))
        told["ingestion"] = await fill(settings, warehouse, engine, span, options)
        _say(told)
        if options.ingest_only:
            return told
        await warehouse.command(RESULTS, settings=FILL_SETTINGS)
        keep(note, span)
    (counted,) = await warehouse.rows("SELECT count() AS calls FROM usage")
    told["rolling_up"] = await rolled(warehouse, engine, options.rows)
    _say(told)
    for table in options.merged:
        await warehouse.command(f"OPTIMIZE TABLE {table} FINAL")
    told["storage"] = await sizes(warehouse, counted["calls"])
    _say(told)
    told["dashboard_ms"] = await asked(warehouse, span.end, options.times)
    return {"rows": options.rows, "calls": counted["calls"], **told}


def filled(note: Path) -> Span | None:
    """Return what an earlier run filled a folder with, if one did."""
    return Span(datetime.fromisoformat(note.read_text())) if note.exists() else None


def keep(note: Path, span: Span) -> None:
    """Note that a folder is filled."""
    note.write_text(span.end.isoformat())


def _say(told: dict[str, Any]) -> None:
    print(json.dumps(told), file=sys.stderr, flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=20, help="how often every panel is asked, for every range")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--random-ids", action="store_true", help="requests are named by random 128 bits")
    parser.add_argument(
        "--merged", nargs="*", default=[], help="tables whose parts are merged before they are measured"
    )
    parser.add_argument("--block-rows", type=int, help="rows in one insert, if not as the sink has it")
    parser.add_argument("--ingest-only", action="store_true", help="stop when the calls are in")
    parser.add_argument("--folder", help="where the engine keeps its data meanwhile")
    parser.add_argument("--keep", help="a folder that stays: it is filled once, and asked again from then on")
    gc.set_threshold(*GC_THRESHOLDS)
    print(json.dumps(uvloop.run(measure(parser.parse_args()))))


if __name__ == "__main__":
    main()
