"""What the lanes save on recorded arrivals: `python -m benchmarks.lanes`; prints one JSON object.

The arrivals and token counts are those of 19,366 real requests (Azure, CC-BY-4.0), replayed in virtual time through
the product's own lane decision, windows, job book and plan, against a simulated provider. The file says nothing of
deadlines, texts and turnaround, so these are assumed, and printed with the result:

- a *mix* says which share of the requests has which deadline; the others are interactive
- each request begins with one of many shared prefixes, drawn by Zipf's law; a provider serves a prefix from its cache
  from the first answer's first token until five minutes after its last use
- a batch takes a log-normal time, inside the 24 hours that providers state, or beyond it in the last scenario
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import math
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agents.providers.batches.book import Item, JobBook
from agents.providers.batches.identity import item_id
from agents.providers.batches.openai import LIMITS
from agents.providers.batches.plan import Errand, Memory, plan
from agents.windows.stage import WindowStep
from schemas.batch import Call, Completion, PaidCall, Passenger, Target
from schemas.jobs import (
    AnyFact,
    CancelAsked,
    ItemsAnswered,
    ItemsMoved,
    ItemsTaken,
    JobClosed,
    JobCreated,
    JobRecord,
)
from schemas.request import Request
from schemas.result import Lane
from schemas.settings import BatchSettings, WindowSettings
from schemas.tenant import TenantRegistered
from schemas.wire import Choice, Tokens
from streams.stage import Journey
from tests.servers.batch_desk import BatchDesk, Conditions, Verdict

FILE = Path(__file__).parents[2] / "shared" / "data" / "azure_llm_2023_conversation.csv.gz"
HOUR = 3600.0
STATED_SECONDS = 24 * HOUR
INPUT_USD, CACHED_USD, OUTPUT_USD = 2.5e-6, 1.25e-6, 10e-6
FIRST_TOKEN_SECONDS, TOKENS_PER_SECOND = 0.5, 60.0
CACHE_SECONDS = 300.0
CACHE_MINIMUM_TOKENS = 1024
PREFIXES, ZIPF = 2_000, 1.1
PREFIX_TOKENS = 1_200
STEP_SECONDS = 10.0
MIXES: dict[str, dict[float, float]] = {
    "online": {1 * HOUR: 0.10, 8 * HOUR: 0.10, 24 * HOUR: 0.10},
    "mixed": {1 * HOUR: 0.20, 8 * HOUR: 0.20, 24 * HOUR: 0.30},
    "offline": {8 * HOUR: 0.30, 24 * HOUR: 0.65},
}
"""Share of the requests by seconds until their deadline."""
LANES = WindowSettings(bulk_seconds=5.0, batch_lane=True)
AT_ONCE = WindowSettings(bulk_seconds=0.0, bulk_after_seconds=1e9)
BATCHES = BatchSettings(job_items=500)
TENANT = TenantRegistered(tenant="bench", reference_model="model")
NO_CHOICE = Choice("explicit_model", "").encoded()


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request of the file: when, and how many tokens in and out."""

    at: float
    input_tokens: int
    output_tokens: int


class _Nothing:
    """A receipt nobody waits for."""

    def settle(self) -> None:
        """Do nothing."""


NOTHING = _Nothing()


def read_arrivals(file: Path) -> list[Arrival]:
    """Read the file, in order of time."""
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        found = [
            Arrival(
                datetime.fromisoformat(row["TIMESTAMP"][:26]).replace(tzinfo=UTC).timestamp(),
                int(row["ContextTokens"]),
                int(row["GeneratedTokens"]),
            )
            for row in csv.DictReader(lines)
        ]
    return sorted(found, key=lambda arrival: arrival.at)


@dataclass(slots=True)
class Bill:
    """What calls cost, and what a prompt cache saved on the way.

    Attributes:
        moved_usd: Usual price of what batches answered.
        warm: When a prefix is served from the cache, and until when, in Unix seconds.
    """

    usd: float = 0.0
    moved_usd: float = 0.0
    prefix_tokens: int = 0
    cached_tokens: int = 0
    warm: dict[int, tuple[float, float]] = field(default_factory=dict)

    def call(self, arrival: Arrival, prefix: int, now: float) -> float:
        """Bill a call made now; return when it ends."""
        tokens = PREFIX_TOKENS if arrival.input_tokens > PREFIX_TOKENS else 0
        cached = 0
        if tokens >= CACHE_MINIMUM_TOKENS:
            begin, end = self.warm.get(prefix, (math.inf, -math.inf))
            cached = tokens if begin <= now <= end else 0
            first = begin if now <= end else now + FIRST_TOKEN_SECONDS
            self.warm[prefix] = (first, now + CACHE_SECONDS)
            self.prefix_tokens += tokens
            self.cached_tokens += cached
        fresh = arrival.input_tokens - cached
        self.usd += fresh * INPUT_USD + cached * CACHED_USD + arrival.output_tokens * OUTPUT_USD
        return now + FIRST_TOKEN_SECONDS + arrival.output_tokens / TOKENS_PER_SECOND

    def batch(self, arrival: Arrival, factor: float) -> None:
        """Bill an item of a batch, for which no cache is assumed."""
        usual = arrival.input_tokens * INPUT_USD + arrival.output_tokens * OUTPUT_USD
        self.usd += factor * usual
        self.moved_usd += usual

    @property
    def hit_rate(self) -> float:
        """Share of the shared prefixes' tokens that came from the cache."""
        return self.cached_tokens / self.prefix_tokens if self.prefix_tokens else 0.0


class Replay:
    """One run of all arrivals under a mix of deadlines."""

    def __init__(
        self,
        arrivals: list[Arrival],
        mix: dict[float, float],
        windows: WindowSettings,
        batches: BatchSettings,
        *,
        median_seconds: float,
        longest_seconds: float,
        seed: int,
    ) -> None:
        self.bill = Bill()
        self.missed = 0
        self.lanes: Counter[str] = Counter()
        self.moved = 0
        self._batches = batches
        self._step = WindowStep(windows, batches)
        self._chance = random.Random(seed)
        self._median, self._longest = median_seconds, longest_seconds
        self._now = arrivals[0].at
        self._desk = BatchDesk(lambda: self._now, Conditions(window_seconds=STATED_SECONDS))
        self._book, self._memory, self._offset = JobBook(), Memory(), 0
        self._arrivals: dict[str, tuple[Arrival, int, float]] = {}
        self._answered: set[str] = set()
        weights = [1.0 / rank**ZIPF for rank in range(1, PREFIXES + 1)]
        prefixes = self._chance.choices(range(PREFIXES), weights, k=len(arrivals))
        deadlines = self._chance.choices([math.inf, *mix], [1.0 - sum(mix.values()), *mix.values()], k=len(arrivals))
        for number, (arrival, prefix, left) in enumerate(zip(arrivals, prefixes, deadlines, strict=True)):
            self._arrivals[f"r{number}"] = (arrival, prefix, arrival.at + left)

    def run(self) -> None:
        """Replay to the last answer."""
        next_step = self._now
        for name, (arrival, prefix, deadline) in self._arrivals.items():
            while next_step < arrival.at:
                self._advance(next_step)
                next_step += STEP_SECONDS
            self._due(arrival.at)
            self._now = arrival.at
            journey = _journey(name, arrival, prefix, deadline)
            self._leave(self._step.process([journey], arrival.at).onward)
        while self._book.items or self._step.waiting:
            self._advance(next_step)
            next_step += STEP_SECONDS

    def _advance(self, now: float) -> None:
        self._due(now)
        self._now = now
        due = plan(self._book, self._memory, {"east": LIMITS}, self._batches, now)
        self._write(*due.intend)
        if due.move:
            self._write(ItemsMoved([item.id for item in due.move], {}))
            for item in due.move:
                self.moved += 1
                self._call(item.call.passenger.id)
            self._write(ItemsAnswered([item.id for item in due.move]))
        for key, errand in due.errands.items():
            self._run(key, errand)

    def _due(self, until: float) -> None:
        while (due := self._step.next_due()) is not None and due <= until:
            self._now = due
            self._leave(self._step.due(due).onward)

    def _leave(self, journeys: list[Journey]) -> None:
        for journey in journeys:
            name = journey.request.id
            self.lanes[journey.lane] += 1
            _, _, deadline = self._arrivals[name]
            if journey.lane is Lane.BATCH:
                self._write(ItemsTaken([_call(journey, deadline)]))
            else:
                self._call(name)

    def _call(self, name: str) -> None:
        arrival, prefix, deadline = self._arrivals[name]
        self._answer(name, self.bill.call(arrival, prefix, self._now), deadline)

    def _answer(self, name: str, at: float, deadline: float) -> None:
        if name not in self._answered:
            self._answered.add(name)
            self.missed += at > deadline

    def _run(self, key: str, errand: Errand) -> None:
        job = self._book.jobs[key]
        self._memory.look_at[key] = self._now + self._batches.poll_seconds
        if errand is Errand.CREATE:
            seconds = min(self._longest, self._median * math.exp(self._chance.gauss(0.0, 0.8)))
            self._desk.conditions = Conditions(seconds, STATED_SECONDS, 60.0)
            batch = self._desk.submit(dict.fromkeys(job.items))
            self._write(JobCreated(key, batch.id, self._now))
        elif errand is Errand.CANCEL:
            self._desk.stop(job.batch or "")
            self._write(CancelAsked(key))
        elif self._desk.batches[job.batch or ""].ended(self._now):
            self._collect(key)

    def _collect(self, key: str) -> None:
        job = self._book.jobs[key]
        batch = self._desk.batches[job.batch or ""]
        for name in job.items:
            item = self._book.items[name]
            if batch.verdict(name) is Verdict.SUCCEEDED:
                arrival, _, deadline = self._arrivals[item.call.passenger.id]
                self.bill.batch(arrival, self._batches.price_factor)
                self._answer(item.call.passenger.id, self._now, deadline)
                self._write(ItemsAnswered([name]))
        self._step.learn(_completion(self._book.items[job.items[0]], batch.id, batch.created_at, self._now, batch))
        self._write(JobClosed(key))

    def _write(self, *facts: AnyFact) -> None:
        for fact in facts:
            self._book.fold(JobRecord(self._book.epoch, self._now, [fact]), self._offset)
            self._offset += 1


def _journey(name: str, arrival: Arrival, prefix: int, deadline: float) -> Journey:
    constraints = {} if math.isinf(deadline) else {"deadline": datetime.fromtimestamp(deadline, UTC)}
    text = f"[{prefix:05d}]" * 200 if arrival.input_tokens > PREFIX_TOKENS else f"[{prefix:05d}]"
    fields: dict[str, Any] = {"id": name, "tenant": "bench", "prompt": text, "constraints": constraints}
    request = Request(**fields)
    return Journey(request, b"", "", 0, arrival.at, NOTHING, tenant=TENANT, input_tokens=arrival.input_tokens)


def _call(journey: Journey, deadline: float) -> Call:
    passenger = Passenger(journey.request.id, "bench", 0, "", journey.lane, NO_CHOICE, "model", journey.received_at)
    return Call(passenger, b"", (Target("model", "east"),), journey.received_at, deadline)


def _completion(item: Item, batch: str, created_at: float, now: float, desk_batch: Any) -> Completion:
    assert item.id == item_id(item.call.passenger)
    paid = PaidCall(f"{batch}/{item.id}", "model", "east", 1, Tokens(), 0.0, created_at, batch=True)
    stopped = desk_batch.stopped_at is not None or desk_batch.ends_at < desk_batch.done_at
    return Completion(item.call.passenger, now, paid=() if stopped else (paid,), batch=batch)


def scenarios() -> Iterator[tuple[str, dict[float, float], float, float]]:
    """Yield name, mix, median and longest turnaround in seconds."""
    for name, mix in MIXES.items():
        yield name, mix, 0.7 * HOUR, 23.0 * HOUR
    yield "offline, slow provider", MIXES["offline"], 6.0 * HOUR, 23.5 * HOUR
    yield "offline, provider beyond its bound", MIXES["offline"], 30.0 * HOUR, math.inf


def measure(arrivals: list[Arrival], seed: int) -> dict[str, Any]:
    """Return the figures of every scenario."""
    report: dict[str, Any] = {}
    for name, mix, median, longest in scenarios():
        turnaround = (median, longest, seed)
        lanes = replayed(arrivals, mix, LANES, turnaround)
        alone = replayed(arrivals, mix, LANES.model_copy(update={"batch_lane": False}), turnaround)
        at_once = replayed(arrivals, mix, AT_ONCE, turnaround)
        report[name] = {
            "deadlines_hours": {f"{seconds / HOUR:g}": share for seconds, share in mix.items()},
            "turnaround_median_hours": median / HOUR,
            "turnaround_inside_stated_24_hours": longest <= STATED_SECONDS,
            "requests_by_lane": dict(lanes.lanes),
            "share_of_spend_moved_to_half_price": round(lanes.bill.moved_usd / _usual(arrivals), 4),
            "called_after_all": lanes.moved,
            "deadlines_missed": lanes.missed,
            "cost_usd": round(lanes.bill.usd, 4),
            "cost_usd_everything_interactive": round(at_once.bill.usd, 4),
            "cost_against_everything_interactive": round(lanes.bill.usd / at_once.bill.usd, 4),
            "cached_prefix_hit_rate": {
                "everything_interactive": round(at_once.bill.hit_rate, 4),
                "windows_without_batch_lane": round(alone.bill.hit_rate, 4),
                "lanes": round(lanes.bill.hit_rate, 4),
            },
        }
    return report


def measure_windows(arrivals: list[Arrival], seed: int) -> dict[str, Any]:
    """Return the hit rates of windows alone when all requests can wait an hour, by how much time is compressed."""
    report: dict[str, Any] = {}
    windows = LANES.model_copy(update={"batch_lane": False})
    for factor in (1, 60, 600):
        start = arrivals[0].at
        compressed = [
            Arrival(start + (each.at - start) / factor, each.input_tokens, each.output_tokens) for each in arrivals
        ]
        runs = [replayed(compressed, {HOUR: 1.0}, each, (HOUR, HOUR, seed)) for each in (AT_ONCE, windows)]
        report[f"time_compressed_{factor}"] = {
            "everything_interactive": round(runs[0].bill.hit_rate, 4),
            "windows": round(runs[1].bill.hit_rate, 4),
            "cost_against_everything_interactive": round(runs[1].bill.usd / runs[0].bill.usd, 4),
        }
    return report


def replayed(
    arrivals: list[Arrival], mix: dict[float, float], windows: WindowSettings, turnaround: tuple[float, float, int]
) -> Replay:
    """Return a finished replay."""
    median, longest, seed = turnaround
    replay = Replay(arrivals, mix, windows, BATCHES, median_seconds=median, longest_seconds=longest, seed=seed)
    replay.run()
    return replay


def _usual(arrivals: list[Arrival]) -> float:
    return sum(each.input_tokens * INPUT_USD + each.output_tokens * OUTPUT_USD for each in arrivals)


def main() -> int:
    """Replay, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, default=FILE, help="recorded arrivals (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="only the first 3,000 arrivals")
    options = parser.parse_args()
    if not options.file.exists():
        reason = f"{options.file.name} is not there: the data lies beside the project; name it with --file"
        print(json.dumps({"benchmark": "lanes", "skipped": reason}))
        return 0
    arrivals = read_arrivals(options.file)
    if options.quick:
        arrivals = arrivals[:3_000]
    hours = (arrivals[-1].at - arrivals[0].at) / HOUR
    assumed = {
        "prefixes": PREFIXES,
        "zipf": ZIPF,
        "prefix_tokens": PREFIX_TOKENS,
        "cache_seconds": CACHE_SECONDS,
        "usd_per_million": {"input": 2.5, "cached": 1.25, "output": 10},
        "batch_price_factor": 0.5,
    }
    figures = {"requests": len(arrivals), "hours": round(hours, 2), "assumed": assumed}
    measured = {"scenarios": measure(arrivals, options.seed), "windows": measure_windows(arrivals, options.seed)}
    print(json.dumps({"benchmark": "lanes", **figures, **measured}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
