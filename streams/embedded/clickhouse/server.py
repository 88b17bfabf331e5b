"""The life of the process: open the data directory, listen, and end in order."""

from __future__ import annotations

import asyncio
import logging
import signal

from aiohttp import web

from streams.embedded.clickhouse.config import KIB, EndpointConfig
from streams.embedded.clickhouse.endpoint import Endpoint
from streams.embedded.clickhouse.engine import Engine

logger = logging.getLogger(__name__)

_READ_BUFFER_BYTES = 512 * KIB
_BACKLOG = 512


async def serve(config: EndpointConfig) -> None:
    """Serve until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    engine = Engine(config)
    engine.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    endpoint = Endpoint(config, engine)
    server = web.Server(
        endpoint.handle,
        access_log=None,
        keepalive_timeout=config.keep_alive_seconds,
        max_line_size=config.max_uri_bytes,
        max_field_size=config.max_uri_bytes,
        auto_decompress=False,
        handler_cancellation=True,
        read_bufsize=_READ_BUFFER_BYTES,
    )
    listener = await loop.create_server(server, config.host, config.port, backlog=_BACKLOG)
    port = listener.sockets[0].getsockname()[1]
    logger.info("ready", extra={"host": config.host, "port": port, "engine": engine.version})
    sweeping = asyncio.ensure_future(endpoint.sweep())
    try:
        await stopping.wait()
    finally:
        logger.info("stopping")
        sweeping.cancel()
        listener.close()
        await server.shutdown(config.stop_seconds)
        await asyncio.to_thread(engine.kill_all)
        await loop.run_in_executor(None, endpoint.close)
        engine.stop()
        logger.info("stopped")
