"""A stand-in for the workers: answers requests on a real broker, each id once paid for, in shuffled order."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.settings import KafkaSettings
from schemas.wire import Answer, BaselineRecord, ResultRecord, Tokens
from streams.envelope import Publication
from streams.outbox import Outbox
from streams.topics import REQUESTS, RESULTS

SOME_TIME = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DEADLINE_SECONDS = 60.0

_encode = msgspec.json.Encoder().encode


def answer_to(request: dict[str, object]) -> bytes:
    """The one result a request has: a function of the request alone, so that outputs can be compared."""
    return _encode(
        ResultRecord(
            id=str(request["id"]),
            status="completed",  # type: ignore[arg-type]  # what Status.COMPLETED is on the wire
            cost_usd="0.000125",
            received_at=SOME_TIME,
            completed_at=SOME_TIME,
            tenant=str(request["tenant"]),
            output=Answer(content=f"answer to {request.get('prompt')}", finish_reason="stop"),
            model="gpt-4-turbo",
            usage=Tokens(input_tokens=7, output_tokens=5),
            baseline=BaselineRecord("gpt-4-turbo", "0.0005"),
        )
    )


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something another process or task brings about."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 - there is no event across processes
            await asyncio.sleep(0.005)


class AnsweringPipeline:
    """Consumes requests and produces results until stopped.

    Attributes:
        paid: How often each id was answered anew; more than once would be paying twice.
        repeats: How many requests came again and got the known answer again.
        seen: Prompts that came, answered or not; those of earlier tests on the same broker may be among them.
        answering: Cleared, it reads but waits with its answers.
        idle: Whether the last look found nothing to do.
        stopped: Whether it answers no more, having answered `stop_after` requests.
    """

    def __init__(
        self, kafka: KafkaSettings, *, silent: frozenset[str] = frozenset(), stop_after: int | None = None
    ) -> None:
        self.paid: Counter[str] = Counter()
        self.repeats = 0
        self.idle = False
        self.stopped = False
        self.seen: set[str] = set()
        self.answering = asyncio.Event()
        self.answering.set()
        self._stop_after = stop_after
        self._kafka = kafka
        self._silent = set(silent)
        self._known: dict[str, bytes] = {}
        self._random = random.Random(7)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> AnsweringPipeline:
        self._outbox = await Outbox(self._kafka).__aenter__()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._kafka.bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=4
        )
        await self._consumer.start()
        places = [TopicPartition(REQUESTS.name, partition) for partition in range(self._kafka.partitions)]
        self._consumer.assign(places)
        for place, end in (await self._consumer.end_offsets(places)).items():
            self._consumer.seek(place, end)
        while await self._consumer.getmany(timeout_ms=100):
            pass  # left by other tests: the embedded broker understates the end
        self._task = asyncio.create_task(self._answer())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._consumer.stop()
        await self._outbox.__aexit__()
        if not self._task.cancelled():
            self._task.result()

    async def _answer(self) -> None:
        held: list[tuple[int, list[dict[str, object]]]] = []
        while not self.stopped:
            fetched = await self._consumer.getmany(timeout_ms=100, max_records=10)
            self.idle = not fetched and not held
            for place, records in fetched.items():
                requests = [request for record in records for request in self._requests(record.value)]
                self._random.shuffle(requests)
                self.seen.update(str(request.get("prompt")) for request in requests)
                held.append((place.partition, requests))
            while held and self.answering.is_set():
                partition, requests = held.pop()
                answers = [Publication(self._result_of(request)) for request in requests if self._heeds(request)]
                await self._outbox.publish(RESULTS.name, partition, answers)

    def _requests(self, value: bytes) -> list[dict[str, object]]:
        """Return a message's requests; other tests on the same broker send what is none."""
        try:
            loaded = orjson.loads(value)
        except orjson.JSONDecodeError:
            return []
        members = loaded if isinstance(loaded, list) else [loaded]
        return [member for member in members if isinstance(member, dict) and {"id", "tenant"} <= member.keys()]

    def _heeds(self, request: dict[str, object]) -> bool:
        """The first time a silent one comes, it is lost."""
        self.stopped = self._stop_after is not None and len(self.paid) >= self._stop_after
        if self.stopped:
            return False
        request_id = str(request["id"])
        lost = request_id in self._silent
        self._silent.discard(request_id)
        return not lost

    def _result_of(self, request: dict[str, object]) -> bytes:
        request_id = str(request["id"])
        if request_id in self._known:
            self.repeats += 1
        else:
            self._known[request_id] = answer_to(request)
            self.paid[request_id] += 1
        return self._known[request_id]
