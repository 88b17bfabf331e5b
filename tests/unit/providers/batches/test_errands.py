"""The errands of a job against a provider that does what it is told to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from agents.providers.batches.errands import Runner
from agents.providers.batches.interface import Created, Finding, Outcome
from agents.providers.batches.packing import Limits
from agents.providers.batches.plan import Errand
from agents.providers.batches.shard import Shard
from agents.providers.protocol import Prompt, Reply
from schemas.batch import Completion
from schemas.errors import ProviderError, ProviderOverloaded, ProviderRefused
from schemas.jobs import ItemsMoved, JobCreated, SubmissionBegun
from schemas.settings import BatchSettings
from schemas.wire import Answer, Tokens
from streams.topics import JOBS
from tests.flow.journeys import NOW
from tests.memory.broker import MemoryBroker
from tests.memory.log import MemoryLog
from tests.unit.providers.batches.made import ids, intended, taken

JOB = intended("r1", "r2")
NO = ProviderRefused("provider_refused", "status 400")
WHO_KNOWS = ProviderOverloaded("provider_overloaded", "status 500")
ABSENT = Finding()
LIMITS = Limits(10, 1_000)
GOOD = Reply(Answer("Paris", None, "stop"), Tokens(10, 0, 5))


@dataclass
class Told:
    """A batch interface that raises or returns what it is told, and notes what it was asked."""

    fails: dict[str, ProviderError] = field(default_factory=dict)
    finding: Finding = ABSENT
    is_ended: bool = True
    outcomes: Sequence[Outcome] = ()
    limits: Limits = LIMITS
    bug: bool = False
    asked: list[str] = field(default_factory=list)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.fails:
            raise self.fails[what]

    def line(self, item: str, prompt: Prompt, model: str) -> bytes:
        if self.bug:
            raise TypeError("secret prompt")
        return f"{item} {model} {prompt.text}".encode()

    async def upload(self, job: str, lines: Sequence[bytes]) -> str | None:
        self._ask("upload")
        return "file-1"

    async def create(self, job: str, lines: Sequence[bytes], file: str | None) -> Created:
        self._ask("create")
        return Created("batch_1", NOW)

    async def find(self, job: str, items: Collection[str], since: float) -> Finding:
        self._ask("find")
        return self.finding

    async def ended(self, batch: str) -> bool:
        self._ask("ended")
        return self.is_ended

    async def cancel(self, batch: str) -> None:
        self._ask("cancel")

    async def results(self, batch: str) -> AsyncIterator[Outcome]:
        self._ask("results")
        for outcome in self.outcomes:
            yield outcome

    async def close(self) -> None:
        """Nothing is held."""


@dataclass
class Scene:
    """One job of one shard, and who runs its errands."""

    shard: Shard
    told: Told
    published: list[Completion]
    charged: set[str]

    async def run(self, errand: Errand) -> None:
        runner = Runner(
            {"east": self.told}, BatchSettings(), self._publish, lambda: {0: 3}, self.charged, lambda: NOW
        )
        await runner.run(self.shard, self.shard.book.jobs[JOB.job], errand)

    async def _publish(self, completions: list[Completion]) -> None:
        self.published += completions

    @property
    def job(self) -> Any:
        return self.shard.book.jobs.get(JOB.job)


@pytest.fixture
async def scene() -> Scene:
    log = MemoryLog(MemoryBroker(lambda: NOW))
    shard = Shard(0, log, lambda: NOW, 100_000)
    await shard.take()
    async for records in log.read({(JOBS.name, 0): 0}):
        shard.read(records)
    await shard.write([taken("r1", "r2"), JOB])
    return Scene(shard, Told(), [], set())


async def test_submitting_writes_every_step(scene: Scene) -> None:
    await scene.run(Errand.CREATE)
    assert scene.told.asked == ["upload", "create"]
    assert (scene.job.file, scene.job.attempted, scene.job.batch) == ("file-1", True, "batch_1")
    assert scene.shard.memory.look_at[JOB.job] == NOW + BatchSettings().poll_seconds


async def test_an_upload_without_an_answer_is_made_again_for_it_costs_nothing(scene: Scene) -> None:
    scene.told.fails["upload"] = WHO_KNOWS
    await scene.run(Errand.CREATE)
    assert (scene.job.file, scene.job.attempted) == (None, False)


async def test_a_submission_without_an_answer_is_looked_for(scene: Scene) -> None:
    scene.told.fails["create"] = WHO_KNOWS
    await scene.run(Errand.CREATE)
    assert (scene.job.attempted, scene.job.batch) == (True, None)
    settings = BatchSettings()
    assert scene.shard.memory.look_at[JOB.job] >= NOW + settings.settle_seconds
    await scene.run(Errand.FIND)
    assert JOB.job in scene.shard.memory.absent
    scene.told.fails.clear()
    await scene.run(Errand.CREATE)
    assert scene.told.asked == ["upload", "create", "find", "create"], "the file is there"
    assert JOB.job not in scene.shard.memory.absent


async def test_a_suspect_is_waited_for_and_a_find_is_adopted(scene: Scene) -> None:
    await scene.shard.write([SubmissionBegun(JOB.job)])
    scene.told.finding = Finding(unclear=True)
    await scene.run(Errand.FIND)
    assert (scene.job.batch, scene.shard.memory.absent) == (None, set())
    scene.told.finding = Finding(Created("batch_7", NOW))
    await scene.run(Errand.FIND)
    assert scene.job.batch == "batch_7"


@pytest.mark.parametrize("what", ["upload", "create"])
async def test_a_refusal_ends_the_job(scene: Scene, what: str) -> None:
    scene.told.fails[what] = NO
    await scene.run(Errand.CREATE)
    assert scene.job is None
    assert [item.unanswered for item in scene.shard.book.free.values()] == [True, True]


async def test_a_bug_in_a_line_leads_to_calls(scene: Scene) -> None:
    scene.told.bug = True
    await scene.run(Errand.CREATE)
    assert scene.job is None
    assert len(scene.shard.book.free) == 2
    assert scene.told.asked == []


async def test_lines_longer_than_estimated_lead_to_calls(scene: Scene) -> None:
    scene.told.limits = Limits(10, 20)
    await scene.run(Errand.CREATE)
    assert (scene.job, scene.told.asked) == (None, [])


async def test_a_job_of_which_some_had_to_be_called_is_made_anew(scene: Scene) -> None:
    await scene.shard.write([ItemsMoved(ids("r1"), {})])
    await scene.run(Errand.CREATE)
    assert (scene.job, scene.told.asked) == (None, [])
    (free,) = scene.shard.book.free.values()
    assert (free.id, free.unanswered) == (ids("r2")[0], False)


async def test_cancelling_looks_at_once(scene: Scene) -> None:
    await scene.shard.write([JobCreated(JOB.job, "batch_1", NOW)])
    scene.told.is_ended = False
    await scene.run(Errand.CANCEL)
    assert scene.job.cancelled
    scene.told.is_ended = True
    scene.told.fails["cancel"] = NO  # it has ended
    await scene.run(Errand.CANCEL)
    assert scene.job is None


async def test_results_are_published_once_each_and_by_name(scene: Scene) -> None:
    await scene.shard.write([JobCreated(JOB.job, "batch_1", NOW)])
    first, second = ids("r1", "r2")
    scene.charged.add(f"batch_1/{first}")  # by a predecessor, before it died
    scene.told.outcomes = [Outcome("stranger", GOOD), Outcome(second, GOOD), Outcome(first, GOOD)]
    await scene.run(Errand.LOOK)
    (completion,) = scene.published
    (paid,) = completion.paid
    assert (paid.id, paid.batch, completion.batch) == (f"batch_1/{second}", True, "batch_1")
    assert completion.stages_ms.keys() == {"batch"}
    assert scene.job is None


async def test_what_is_billed_and_unreadable_is_counted_and_fails(scene: Scene) -> None:
    await scene.shard.write([JobCreated(JOB.job, "batch_1", NOW)])
    first, second = ids("r1", "r2")
    scene.told.outcomes = [
        Outcome(first, billed=Tokens(10, 0, 5), reason="provider_unreadable"),
        Outcome(second, reason="batch_expired"),
    ]
    await scene.run(Errand.LOOK)
    (completion,) = scene.published
    assert completion.answer is None
    assert completion.failure is not None
    assert (completion.failure.code, completion.paid[0].tokens) == ("provider_unreadable", Tokens(10, 0, 5))
    assert scene.shard.book.free.keys() == {second}


async def test_a_provider_that_is_away_while_results_are_read_is_asked_again(scene: Scene) -> None:
    await scene.shard.write([JobCreated(JOB.job, "batch_1", NOW)])
    scene.told.fails["results"] = WHO_KNOWS
    await scene.run(Errand.LOOK)
    assert scene.job.positions == {0: 3}
    scene.told.fails.clear()
    scene.told.outcomes = [Outcome(name, GOOD) for name in ids("r1", "r2")]
    await scene.run(Errand.LOOK)
    assert len(scene.published) == 2
    assert not scene.shard.book.items


async def test_one_that_was_replaced_does_nothing_more(scene: Scene) -> None:
    other = Shard(0, scene.shard._log, lambda: NOW, 100_000)
    await other.take()
    await scene.run(Errand.CREATE)
    assert "create" not in scene.told.asked
