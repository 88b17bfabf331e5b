from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as settings_of
from hypothesis import strategies as st

from agents.providers.batches.book import JobBook
from schemas.jobs import (
    AnyFact,
    CancelAsked,
    CollectionBegun,
    InputUploaded,
    ItemsAnswered,
    ItemsMoved,
    JobClosed,
    JobCreated,
    JobRecord,
    JobRefused,
    ShardTaken,
    SubmissionBegun,
)
from tests.flow.journeys import NOW
from tests.unit.providers.batches.made import Writer, ids, intended, taken

JOB = intended("r1", "r2")
OPEN: list[AnyFact] = [taken("r1", "r2"), JOB]


def after(*facts: AnyFact) -> JobBook:
    book = JobBook()
    writer = Writer(book)
    for fact in facts:
        writer.write(fact)
    return book


def test_a_job_from_the_intention_to_its_end() -> None:
    book = after(
        *OPEN,
        InputUploaded(JOB.job, "file-1"),
        SubmissionBegun(JOB.job),
        JobCreated(JOB.job, "batch_1", NOW + 5),
        CancelAsked(JOB.job),
        CollectionBegun(JOB.job, {0: 7}),
    )
    job = book.jobs[JOB.job]
    assert (job.file, job.attempted, job.batch, job.created_at) == ("file-1", True, "batch_1", NOW + 5)
    assert (job.cancelled, job.positions, list(book.positions())) == (True, {0: 7}, [{0: 7}])
    assert not book.free
    writer = Writer(book, 20)
    writer.write(ItemsAnswered(ids("r1")), ItemsAnswered(ids("r2")), JobClosed(JOB.job))
    assert (len(book), book.jobs, book.first_place) == (0, {}, None)


def test_what_a_job_left_unanswered_must_be_called() -> None:
    book = after(*OPEN, ItemsAnswered(ids("r1")), JobClosed(JOB.job))
    (item,) = book.free.values()
    assert (item.id, item.unanswered, item.job) == (ids("r2")[0], True, None)


@pytest.mark.parametrize("again", [True, False])
def test_a_refused_job_frees_its_items(again: bool) -> None:
    book = after(*OPEN, JobRefused(JOB.job, "no", again))
    assert [item.unanswered for item in book.free.values()] == [not again] * 2
    assert book.jobs == {}


def test_an_item_that_is_called_instead_stays_until_it_is_answered_and_its_job_has_ended() -> None:
    book = after(*OPEN, ItemsMoved(ids("r1"), {0: 3}))
    assert list(book.positions()) == [{0: 3}]
    writer = Writer(book, 20)
    writer.write(JobClosed(JOB.job))
    assert book.free.keys() == set(ids("r2"))
    writer.write(ItemsAnswered(ids("r1")))
    assert book.items.keys() == set(ids("r2"))
    writer.write(ItemsMoved(ids("r2"), {0: 4}))
    assert not book.free
    writer.write(ItemsAnswered(ids("r2")))
    assert not book.items


def test_a_free_item_may_be_answered_otherwise() -> None:
    book = after(taken("r1"), ItemsAnswered(ids("r1")))
    assert (book.items, book.free) == ({}, {})


def test_the_oldest_open_item_is_where_a_successor_begins() -> None:
    book = JobBook()
    writer = Writer(book)
    writer.write(taken("r1"))
    writer.write(taken("r2"))
    writer.write(taken("r3"))
    assert book.first_place == 1
    writer.write(ItemsAnswered(ids("r1", "r2")))
    assert book.first_place == 3


def test_one_that_was_replaced_decides_nothing_but_what_it_saw_is_true() -> None:
    book = JobBook()
    old = Writer(book, 0)
    old.write(taken("r1", "r2"))
    new = Writer(book, 2)
    old.write(intended("r1"), ItemsMoved(ids("r2"), {}), taken("r3"), offset=3)
    assert book.jobs == {}
    assert book.free.keys() == set(ids("r1", "r2", "r3"))
    new.offset = 3
    new.write(JOB)
    old.write(JobCreated(JOB.job, "batch_1", NOW), offset=5)
    assert book.jobs[JOB.job].batch == "batch_1"
    assert book.epoch == new.epoch


def test_what_belongs_to_another_job_cannot_be_intended_again() -> None:
    other = intended("r2", "r3")
    book = after(taken("r1", "r2", "r3"), JOB, other)
    assert book.jobs.keys() == {JOB.job}
    assert book.free.keys() == set(ids("r3"))


def test_facts_of_what_has_ended_change_nothing() -> None:
    late: list[AnyFact] = [
        InputUploaded(JOB.job, "f"),
        SubmissionBegun(JOB.job),
        JobCreated(JOB.job, "b", NOW),
        CancelAsked(JOB.job),
        CollectionBegun(JOB.job, {}),
        JobRefused(JOB.job, "no"),
        JobClosed(JOB.job),
        ItemsAnswered(ids("r1")),
        ItemsMoved(ids("r1"), {}),
    ]
    book = after(*OPEN, ItemsAnswered(ids("r1", "r2")), JobClosed(JOB.job), *late)
    assert (book.items, book.jobs, book.free) == ({}, {}, {})


facts = st.sampled_from(
    [
        taken("r1"),
        taken("r2", "r3"),
        taken("r3", "r4"),
        intended("r1", "r2"),
        intended("r2", "r3"),
        intended("r3"),
        *(
            one
            for job in (intended("r1", "r2").job, intended("r2", "r3").job)
            for one in (
                SubmissionBegun(job),
                JobCreated(job, "b1", NOW),
                JobCreated(job, "b2", NOW),
                JobRefused(job, "no"),
                JobRefused(job, "no", again=True),
                CollectionBegun(job, {0: 1}),
                JobClosed(job),
            )
        ),
        ItemsMoved(ids("r1", "r3"), {0: 2}),
        ItemsAnswered(ids("r1")),
        ItemsAnswered(ids("r2", "r3")),
        ShardTaken(),
    ]
)


@settings_of(max_examples=200, deadline=None)
@given(st.lists(st.tuples(facts, st.booleans()), max_size=25))
def test_whatever_comes_the_book_is_consistent(history: list[tuple[AnyFact, bool]]) -> None:
    book = JobBook()
    epoch = 0
    for offset, (fact, in_charge) in enumerate(history):
        is_new = isinstance(fact, ShardTaken)
        before = {name: job.batch for name, job in book.jobs.items()}
        record = JobRecord(-1 if is_new else epoch if in_charge else epoch - 1, NOW, [fact])
        book.fold(msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=JobRecord), offset)
        epoch = offset if is_new else max(epoch, book.epoch)
        jobs_of = {name: job.key for job in book.jobs.values() for name in job.items}
        assert jobs_of == {item.id: item.job for item in book.items.values() if item.job is not None}
        assert book.free.keys() == {item.id for item in book.items.values() if item.job is None and item.waits}
        assert all(batch in (None, book.jobs[name].batch) for name, batch in before.items() if name in book.jobs), (
            "a batch, once known, stays"
        )
