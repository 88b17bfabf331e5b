"""The Python in the docs does what it says, on a real broker."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from agents.governance.decoder import decode
from schemas.request import Request
from schemas.result import Result
from schemas.settings import KafkaSettings, Settings
from streams.admin import ensure_topics
from streams.contract.examples import payloads
from streams.outcomes import Message, Ok
from streams.topics import REQUESTS, RESULTS
from tests.unit.docs.fences import SEALING, SIGNING, VERIFYING, commands, fences

PATIENCE_SECONDS = 60


@pytest.fixture
async def bootstrap(embedded_broker: str) -> str:
    """The embedded broker with our topics on it."""
    await ensure_topics(Settings(kafka=KafkaSettings(bootstrap=embedded_broker)))
    return embedded_broker


async def first_request(bootstrap: str, request_id: str) -> Request:
    """Wait for this request on the log and return it as the first stage reads it."""
    async with AIOKafkaConsumer(REQUESTS.name, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        async for message in consumer:
            record = Message(
                message.value, message.key, message.headers, message.topic, message.partition, message.offset
            )
            for outcome in decode(record, Settings().intake):
                if isinstance(outcome, Ok) and outcome.request.id == request_id:
                    return outcome.request
    raise AssertionError("the consumer ended")


async def answer(bootstrap: str, request_id: str) -> None:
    """Answer a request as a worker would."""
    request = await first_request(bootstrap, request_id)
    result = payloads(Result)["completed"] | {"id": request.id}
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        await producer.send_and_wait(RESULTS.name, msgspec.json.encode(result), request.tenant.encode())


async def test_python_example_gets_its_result(bootstrap: str) -> None:
    (fence,) = [fence for fence in fences("python") if fence.kind not in (SIGNING, SEALING, VERIFYING)]
    namespace: dict[str, Any] = {}
    exec(compile(fence.text, str(fence), "exec"), namespace)
    prompt = uuid4().hex
    async with asyncio.timeout(PATIENCE_SECONDS):
        result, _ = await asyncio.gather(
            namespace["ask"](prompt, bootstrap=bootstrap), answer(bootstrap, f"example/{prompt}")
        )
    assert result["id"] == f"example/{prompt}"
    assert result["status"] == "completed"


@pytest.mark.kafka
@pytest.mark.skipif(shutil.which("kcat") is None, reason="kcat is not installed")
async def test_shell_example_is_understood(apache_kafka: str) -> None:
    await ensure_topics(Settings(kafka=KafkaSettings(bootstrap=apache_kafka)))
    (produce,) = [command for command in commands() if command.words[:2] == ("kcat", "-P")]
    (echo,) = [command for command in commands() if command.fence == produce.fence and command.words[0] == "echo"]
    words = [apache_kafka if word == "127.0.0.1:9092" else word for word in produce.words]
    given, seconds = echo.words[1] + "\n", PATIENCE_SECONDS
    await asyncio.to_thread(subprocess.run, words, input=given, text=True, check=True, timeout=seconds)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert (await first_request(apache_kafka, "order-1")).tenant == "demo"
