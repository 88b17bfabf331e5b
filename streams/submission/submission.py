"""One submission from its first line to its last row.

Two loops share the window: one feeds lines into it and sends them, the other collects results and writes the rows
at its front. A third saves the journal. Whatever kills the process, the next attempt cuts the output back to the
journal, reads the results that came since, and sends again, under the same ids, only what is still unanswered.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.settings import Settings
from streams.admin import cluster_id
from streams.outbox import Outbox
from streams.sealing.codec import ContentKeys
from streams.signing import Signer
from streams.submission.content import ContentAccess, read_sealing_facts
from streams.submission.following import ResultFollower
from streams.submission.job import Job, begin, interrupted
from streams.submission.journal import Journal
from streams.submission.keeping import JournalKeeper, Note
from streams.submission.output import Output
from streams.submission.packing import REQUESTS_PER_MESSAGE
from streams.submission.run import Run
from streams.submission.sending import RequestSender
from streams.submission.source import fingerprint
from streams.submission.tally import Pace, Progress
from streams.submission.window import Entry

logger = logging.getLogger(__name__)

LEAST_FETCH_WAIT_MS = 20
POLL_MS = 100
FEED_LINES = 1000
SAVE_SECONDS = 1.0
OBSERVE_SECONDS = 0.25
CATCH_UP_QUIET_POLLS = 3
FIRST_PATIENCE_SECONDS = 60.0
LONGEST_PATIENCE_SECONDS = 600.0

Observe = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Summary:
    """How a submission ended.

    Attributes:
        earlier_lines: Lines that earlier attempts had done.
        seconds: This attempt took.
        sent: Requests this attempt sent, repeated ones included.
    """

    journal: Journal
    earlier_lines: int
    seconds: float
    sent: int


async def submit(
    job: Job,
    settings: Settings,
    observe: Observe,
    signer: Signer | None = None,
    keys: ContentKeys | None = None,
) -> Summary:
    """Carry a job through to its end, beginning anew or going on where an earlier attempt stopped.

    Args:
        job: What to submit.
        settings: How the broker is reached.
        observe: Told about progress a few times a second.
        signer: Signs what is sent; None sends it unsigned.
        keys: Open answers of tenants that encrypt; None leaves these sealed.

    Raises:
        BrokerUnavailable: No broker answers.
        ConfigurationError: Input, output or options are wrong, or the disk is full.
    """
    began = asyncio.get_running_loop().time()
    content = await asyncio.to_thread(fingerprint, job.input)
    with Output(job.output) as output:
        earlier = interrupted(job, content, output.size)
        if earlier is not None and earlier.complete:
            return Summary(earlier, earlier.lines, 0.0, 0)
        earlier_lines = 0 if earlier is None else earlier.lines
        async with (
            ResultFollower(settings.kafka, LEAST_FETCH_WAIT_MS) as follower,
            Outbox(settings.kafka) as outbox,
        ):
            cluster = await cluster_id(settings)
            journal = earlier or begin(job, content, cluster, datetime.now(UTC))
            resuming = earlier is not None and earlier.cluster == cluster
            await follower.go_to(journal.positions if resuming else {})
            journal.cluster, journal.positions = cluster, follower.positions
            output.cut(journal.output_bytes)
            facts = await read_sealing_facts(settings.kafka)
            access = ContentAccess(
                settings.kafka,
                facts,
                keys,
                f"submission {journal.submission}",
                None if signer is None else signer.key_id,
            )
            with job.input.open("rb") as source:
                longest = settings.intake.max_request_bytes
                run = Run(journal, source, output, job.concurrency, longest, access.opened)
                sealing = access if facts.modes else None
                sender = RequestSender(outbox, follower.partitions, settings.kafka.batch_bytes, signer, sealing)
                attempt = Attempt(run, follower, sender, output, observe)
                await attempt.carry_through(catch_up=resuming)
    return Summary(journal, earlier_lines, asyncio.get_running_loop().time() - began, attempt.sent)


class Attempt:
    """The loops of one attempt.

    Args:
        run: The bookkeeping.
        follower: Positioned at the first result to read.
        sender: Where requests go.
        output: Where rows go.
        observe: Told about progress.
    """

    def __init__(
        self, run: Run, follower: ResultFollower, sender: RequestSender, output: Output, observe: Observe
    ) -> None:
        self.sent = 0
        self._run = run
        self._follower = follower
        self._sender = sender
        self._keeper = JournalKeeper(output)
        self._observe = observe
        self._room = asyncio.Event()
        self._least_room = min(REQUESTS_PER_MESSAGE, max(1, run.window.room // 2))
        self._pace = Pace()
        self._clock = asyncio.get_running_loop().time
        self._heard_at = self._observed_at = self._clock()
        self._patience = FIRST_PATIENCE_SECONDS

    async def carry_through(self, *, catch_up: bool) -> None:
        """Run until every line has its row on disk.

        Args:
            catch_up: Read what came since the journal was saved before anything is sent.
        """
        await self._save()  # before the first request: its deadline and ids must survive
        try:
            if catch_up:
                await self._catch_up()
            async with asyncio.TaskGroup() as loops:
                saving = loops.create_task(self._keep_saving())
                loops.create_task(self._feed())
                await self._collect()
                saving.cancel()
            self._run.close()
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None  # the loops fail one at a time: the first one ends the others
        finally:
            self._keeper.save(self._noted())
        self._tell()

    async def _catch_up(self) -> None:
        """Match results that are in the log already with the lines they answer, sending nothing."""
        run, follower = self._run, self._follower
        ends = await follower.ends()
        quiet = 0
        while quiet < CATCH_UP_QUIET_POLLS:
            # First, so that whatever a result answers is there to be matched, and may be opened.
            await self._sender.announce(run.fill(run.window.room))
            records = await follower.read(POLL_MS)
            run.take(records)
            run.write()
            reached = all(follower.positions[partition] >= end for partition, end in ends.items())
            quiet = quiet + 1 if reached or not records else 0
            self._tell_now_and_then()

    async def _feed(self) -> None:
        run = self._run
        await self._send(run.window.waiting())
        while not run.exhausted:
            entries = run.fill(FEED_LINES)
            run.write()  # lines refused at the front need no result
            await self._send(entries)
            while run.window.room < self._least_room:
                self._room.clear()
                await self._room.wait()

    async def _collect(self) -> None:
        run = self._run
        while not run.finished:
            records = await self._follower.read(POLL_MS)
            if run.take(records) or not run.window.unanswered:
                self._heard_at, self._patience = self._clock(), FIRST_PATIENCE_SECONDS
            run.write()
            if run.window.room >= self._least_room:
                self._room.set()
            self._tell_now_and_then()
            if self._clock() - self._heard_at > self._patience:
                await self._send_again()

    async def _send_again(self) -> None:
        """After a long silence, send what is unanswered once more, under the same ids: the log may have been lost."""
        waiting = self._run.window.waiting()
        logger.warning("no result for a while; sending what is unanswered again", extra={"requests": len(waiting)})
        await self._follower.go_to(self._follower.positions)
        await self._send(waiting)
        self._heard_at = self._clock()
        self._patience = min(2 * self._patience, LONGEST_PATIENCE_SECONDS)

    async def _send(self, entries: list[Entry]) -> None:
        await self._sender.send(entries)
        self.sent += len(entries)

    async def _keep_saving(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            await self._save()

    async def _save(self) -> None:
        await asyncio.to_thread(self._keeper.save, self._noted())

    def _noted(self) -> Note:
        self._run.note_positions(self._follower.positions)
        return self._keeper.note(self._run.journal)

    def _tell_now_and_then(self) -> None:
        if self._clock() - self._observed_at >= OBSERVE_SECONDS:
            self._tell()

    def _tell(self) -> None:
        now, journal = self._clock(), self._run.journal
        self._observed_at = now
        rate = self._pace.note(now, journal.lines)
        left = journal.input.lines - journal.lines
        self._observe(
            Progress(
                lines=journal.input.lines,
                done=journal.lines,
                under_way=self._run.window.unanswered,
                tally=journal.tally,
                per_second=rate,
                eta_seconds=left / rate if rate else None,
                waiting_seconds=now - self._heard_at if self._run.window.unanswered else 0.0,
            )
        )
