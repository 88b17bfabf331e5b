from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import settings as settings_of
from hypothesis import strategies as st

from agents.providers.batches.book import Item, JobBook
from agents.providers.batches.packing import LINE_BYTES, Limits, pack
from agents.providers.batches.plan import Errand, Memory, Plan, plan
from schemas.jobs import CancelAsked, CollectionBegun, ItemsMoved, ItemsTaken, JobClosed, JobCreated, SubmissionBegun
from schemas.settings import BatchSettings
from tests.flow.journeys import NOW
from tests.unit.providers.batches.made import HOUR, Writer, a_call, ids, intended, taken

SETTINGS = BatchSettings(collect_seconds=60, poll_seconds=60, cancel_seconds=900, rescue_seconds=600)
LIMITS = {"east": Limits(3, 100_000), "west": Limits(3, 100_000)}
JOB = intended("r1", "r2")
DEADLINE = NOW + 24 * HOUR


def book_with(*calls: str) -> tuple[JobBook, Writer]:
    book = JobBook()
    writer = Writer(book)
    writer.write(taken(*calls))
    return book, writer


def at(book: JobBook, now: float, memory: Memory | None = None) -> Plan:
    return plan(book, memory or Memory(), LIMITS, SETTINGS, now)


def items(*calls: tuple[str, dict[str, Any]]) -> list[Item]:
    return [Item(name, a_call(name, **fields), 0, NOW) for name, fields in calls]


def test_a_job_waits_until_it_is_full_or_old() -> None:
    book, writer = book_with("r1", "r2")
    assert at(book, NOW + 59) == Plan()
    assert at(book, NOW + 60).intend == [JOB]
    writer.write(taken("r3", "r4"), at=NOW + 10)
    assert at(book, NOW + 59).intend == [intended("r1", "r2", "r3")]


def test_jobs_hold_one_provider_model_and_horizon() -> None:
    made = items(
        ("a", {}),
        ("b", {"model": "small"}),
        ("c", {"provider": "west"}),
        ("d", {"deadline": NOW + HOUR}),
        ("e", {"deadline": NOW + 23 * HOUR}),
        ("f", {"deadline": None}),
    )
    jobs = pack(made, LIMITS, NOW + 60, 60)
    assert sorted(job.items for job in jobs) == [["a", "e"], ["b"], ["c"], ["d"], ["f"]]
    assert len({job.job for job in jobs}) == len(jobs)


def test_a_job_is_closed_by_bytes() -> None:
    limits = {"east": Limits(100, 3 * LINE_BYTES)}
    made = items(*((name, {"size": 1000}) for name in "abcde"))
    assert [job.items for job in pack(made, limits, NOW, 60)] == [["a"], ["b"], ["c"], ["d"]]


def test_what_nobody_has_tried_is_submitted_and_what_may_be_there_is_looked_for() -> None:
    book, writer = book_with("r1", "r2")
    writer.write(JOB)
    assert at(book, NOW).errands == {JOB.job: Errand.CREATE}
    writer.write(SubmissionBegun(JOB.job))
    assert at(book, NOW).errands == {JOB.job: Errand.FIND}
    assert at(book, NOW, Memory(look_at={JOB.job: NOW + 1})).errands == {}
    assert at(book, NOW, Memory(absent={JOB.job})).errands == {JOB.job: Errand.CREATE}
    writer.write(JobCreated(JOB.job, "batch_1", NOW))
    assert at(book, NOW).errands == {JOB.job: Errand.LOOK}


def test_a_request_is_called_in_time_for_its_deadline_and_its_job_stopped_before() -> None:
    book, writer = book_with("r1", "r2")
    writer.write(JOB, JobCreated(JOB.job, "batch_1", NOW))
    waiting = Memory(look_at={JOB.job: DEADLINE})
    assert at(book, DEADLINE - 1501, waiting) == Plan()
    assert at(book, DEADLINE - 1500, waiting).errands == {JOB.job: Errand.CANCEL}
    writer.write(CancelAsked(JOB.job))
    assert at(book, DEADLINE - 1500, waiting).errands == {}
    assert at(book, DEADLINE - 601).move == []
    assert [item.id for item in at(book, DEADLINE - 600).move] == list(JOB.items)
    writer.write(ItemsMoved(list(JOB.items), {}))
    assert at(book, DEADLINE).move == []


def test_a_job_is_not_stopped_for_few() -> None:
    names = [f"r{number}" for number in range(4)]
    book = JobBook()
    writer = Writer(book)
    hurried = [a_call(name, deadline=NOW + (HOUR if name == "r0" else 24 * HOUR)) for name in names]
    job = intended(*names)
    writer.write(ItemsTaken(hurried), job, JobCreated(job.job, "batch_1", NOW))
    found = at(book, NOW + HOUR - 600)
    assert [item.id for item in found.move] == ids("r0")
    assert found.errands == {job.job: Errand.LOOK}


def test_a_job_that_is_being_collected_is_not_stopped() -> None:
    book, writer = book_with("r1", "r2")
    writer.write(JOB, JobCreated(JOB.job, "batch_1", NOW), CollectionBegun(JOB.job, {}))
    assert at(book, DEADLINE - 1000).errands == {JOB.job: Errand.LOOK}


def test_what_the_batch_did_not_answer_is_called_at_once() -> None:
    book, writer = book_with("r1", "r2")
    writer.write(JOB, JobCreated(JOB.job, "batch_1", NOW), JobClosed(JOB.job))
    found = at(book, NOW + 60)
    assert [item.id for item in found.move] == list(JOB.items)
    assert found.intend == []


def test_requests_of_a_provider_that_has_left_are_called() -> None:
    book, writer = book_with("r1", "r2", "r3")
    writer.write(JOB, JobCreated(JOB.job, "batch_1", NOW))
    found = plan(book, Memory(), {}, SETTINGS, NOW + 60)
    assert {item.id for item in found.move} == set(ids("r1", "r2", "r3"))
    assert found.errands == {}


waits = st.lists(
    st.tuples(st.sampled_from(["big", "small"]), st.sampled_from([None, 1.0, 5.0, 24.0]), st.integers(0, 3000)),
    max_size=20,
)


@settings_of(max_examples=100, deadline=None)
@given(waits, st.integers(1, 5), st.integers(2 * LINE_BYTES, 9 * LINE_BYTES), st.sampled_from([0.0, 60.0]))
def test_packing_loses_nothing_and_keeps_the_limits(
    calls: list[tuple[str, float | None, int]], most: int, size: int, waited: float
) -> None:
    made = [
        Item(
            f"i{n}",
            a_call(f"i{n}", model=model, deadline=None if left is None else NOW + left * HOUR, size=b),
            0,
            NOW,
        )
        for n, (model, left, b) in enumerate(calls)
    ]
    by_id = {item.id: item for item in made}
    jobs = pack(made, {"east": Limits(most, size)}, NOW + waited, 60.0)
    packed = [name for job in jobs for name in job.items]
    assert len(packed) == len(set(packed))
    assert waited < 60 or set(packed) == by_id.keys()
    for job in jobs:
        assert {by_id[name].call.targets[0].model for name in job.items} == {job.model}
        assert len(job.items) <= most
        sizes = [len(by_id[name].call.body) + LINE_BYTES for name in job.items]
        assert len(sizes) == 1 or sum(sizes) <= size
    assert jobs == pack(made, {"east": Limits(most, size)}, NOW + waited, 60.0)
    assert msgspec.msgpack.encode(jobs)
