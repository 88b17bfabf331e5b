"""The endpoint of one process: `/metrics` for Prometheus, `/health` for whoever restarts what does not work."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web
from prometheus_client.metrics_core import Metric

from schemas.errors import ConfigurationError
from schemas.settings import MetricsSettings
from streams.metrics.exposition import CONTENT_TYPE, exposition

logger = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Condition:
    """How a process is.

    Attributes:
        ok: Whether it does its work.
        status: In one word: `ok`, or what it is instead.
        details: For people and programs.
    """

    ok: bool
    status: str
    details: dict[str, object] = field(default_factory=dict)


Figures = Callable[[], Awaitable[Iterable[Metric]]]
Health = Callable[[], Awaitable[Condition]]


def _application(figures: Figures, health: Health) -> web.Application:
    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=await exposition(await figures()), headers={"Content-Type": CONTENT_TYPE})

    async def condition(_: web.Request) -> web.Response:
        found = await health()
        status = HTTPStatus.OK if found.ok else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response({"status": found.status, **found.details}, status=status)

    application = web.Application()
    application.add_routes([web.get("/metrics", metrics), web.get("/health", condition)])
    return application


@asynccontextmanager
async def endpoint(
    settings: MetricsSettings, figures: Figures, health: Health, *, required: bool = False
) -> AsyncIterator[str | None]:
    """Answer until the block ends; yield `host:port`, or None where nobody listens.

    A port that cannot be had is logged and nothing else, for figures are not worth a worker.

    Raises:
        ConfigurationError: The port cannot be had although it is required.
    """
    if not settings.enabled:
        yield None
        return
    runner = web.AppRunner(
        _application(figures, health), access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_SECONDS
    )
    await runner.setup()
    try:
        yield await _listen(runner, settings, required)
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, settings: MetricsSettings, required: bool) -> str | None:
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as refused:
        if required:
            why = os.strerror(refused.errno or 0)
            raise ConfigurationError(
                f"port {settings.port} of {settings.host} cannot be used ({why}): stop the program that has it, "
                "or set metrics.port (ASAHI_METRICS_PORT) to another port, or to 0 for any free one"
            ) from refused
        where = {"host": settings.host, "port": settings.port, "error": str(refused)}
        logger.error("no figures: the port of metrics.port cannot be had", extra=where)
        return None
    host, port, *_ = runner.addresses[0]
    logger.info("figures are served", extra={"host": host, "port": port})
    return f"{host}:{port}"
