"""The yardstick: a bare Faust agent that consumes one topic and sends each event to another.

Its transport and its event loop are those that Faust comes with.

Run by `benchmarks.pipeline` as a process of its own: `python -m benchmarks.faust_hop BOOTSTRAP SOURCE TARGET`.
"""

from __future__ import annotations

import asyncio
import logging
import sys

import faust

SESSION_SECONDS = 6.0


async def serve(bootstrap: str, source: str, target: str) -> None:
    """Hop until killed."""
    app = faust.App(
        f"bench-hop-{source}",
        broker=f"aiokafka://{bootstrap}",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        broker_session_timeout=SESSION_SECONDS,
        broker_heartbeat_interval=2.0,
        consumer_auto_offset_reset="earliest",
    )
    incoming = app.topic(source, value_type=bytes, value_serializer="raw")
    outgoing = app.topic(target, value_type=bytes, value_serializer="raw")

    @app.agent(incoming)
    async def hop(stream: faust.StreamT[bytes]) -> None:
        async for value in stream:
            await outgoing.send(value=value)

    del hop
    await app.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(serve(*sys.argv[1:4]))
