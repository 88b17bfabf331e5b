"""The HTTP side: requests in, responses out."""

from __future__ import annotations

import asyncio
import logging
import secrets
import string
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp import web

from streams.embedded.clickhouse.body import BodyFeed
from streams.embedded.clickhouse.config import KIB, SPOOL_DIRECTORY, EndpointConfig
from streams.embedded.clickhouse.engine import Engine
from streams.embedded.clickhouse.errors import ClickHouseError, ClientGone, from_engine
from streams.embedded.clickhouse.execution import Execution
from streams.embedded.clickhouse.external import MULTIPART, ExternalTable, read_form
from streams.embedded.clickhouse.headers import TEXT, headers_for
from streams.embedded.clickhouse.output import OutputChannel
from streams.embedded.clickhouse.request import QueryRequest, read_request
from streams.embedded.clickhouse.results import ResultWriter
from streams.embedded.clickhouse.sessions import SessionRegistry

logger = logging.getLogger(__name__)

_KILL_AGAIN_SECONDS = 0.5
_SMALL_BODY_BYTES = 256 * KIB
_TAG_LETTERS = string.ascii_lowercase
_TAG_LENGTH = 16
_SESSION_SWEEP_SECONDS = 5.0
_OK = b"Ok.\n"


class Endpoint:
    """ClickHouse's HTTP interface over one engine."""

    def __init__(self, config: EndpointConfig, engine: Engine) -> None:
        self._config = config
        self._engine = engine
        self._sessions = SessionRegistry()
        self._side_work: set[asyncio.Task[None]] = set()
        self._pool = ThreadPoolExecutor(config.max_concurrent_queries, thread_name_prefix="query")

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path, _, query_string = request.raw_path.partition("?")
        if path in ("/ping", "/replicas_status"):
            return web.Response(
                body=_OK, content_type="text/html", charset="UTF-8", headers=headers_for(self._engine)
            )
        if request.method == "OPTIONS":
            return web.Response(status=204, headers={"Allow": "GET, HEAD, POST, PUT, OPTIONS"})
        if path == "/" and not query_string and request.method in ("GET", "HEAD"):
            return web.Response(
                body=_OK, content_type="text/html", charset="UTF-8", headers=headers_for(self._engine)
            )
        if path not in ("/", "/query"):
            return web.Response(status=404, text=f"There is no handle {path}\n\n", headers=headers_for(self._engine))
        try:
            multipart = request.content_type == MULTIPART
            query = read_request(self._config, request.method, query_string, request.headers, multipart)
            return await self._query(request, query)
        except ClickHouseError as error:
            return self._refusal(error)

    async def _query(self, request: web.BaseRequest, query: QueryRequest) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        if request.headers.get("Expect", "").lower() == "100-continue":  # curl, before it sends a big body
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        external = await read_form(request, query) if request.content_type == MULTIPART else []
        output = OutputChannel(loop, query.buffer_bytes, query.wait_end_of_query, self._config.path / SPOOL_DIRECTORY)
        result = ResultWriter(query, output)
        execution = Execution(self._engine, self._sessions, query, result)
        body = BodyFeed(loop)
        tag = "".join(secrets.choice(_TAG_LETTERS) for _ in range(_TAG_LENGTH))
        started = time.monotonic_ns()
        feeding = await self._begin_body(request, body)
        running = loop.run_in_executor(self._pool, self._run, execution, result, output, body, external, tag)
        try:
            complete = await output.first()
            error = await running if complete is not None else None
            if error is not None:
                return self._refusal(error, query)
            headers = headers_for(self._engine, query, result.outcome, time.monotonic_ns() - started)
            headers["X-ClickHouse-Exception-Tag"] = tag
            if complete is not None:
                return web.Response(body=complete, headers=headers)
            return await self._stream(request, headers, output, running)
        finally:
            output.abandon()
            if feeding is not None:
                feeding.cancel()
            if not running.done() and execution.cancellable:
                self._keep(self._stop(running, execution))

    async def _stop(self, running: asyncio.Future[ClickHouseError | None], execution: Execution) -> None:
        """End a query nobody waits for: again and again, as it may not have reached the engine yet."""
        while not running.done():
            await asyncio.to_thread(execution.cancel)
            await asyncio.wait([running], timeout=_KILL_AGAIN_SECONDS)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something on the side, holding on to it until it is done."""
        task = asyncio.ensure_future(work)
        self._side_work.add(task)
        task.add_done_callback(self._side_work.discard)

    async def _begin_body(self, request: web.BaseRequest, body: BodyFeed) -> asyncio.Task[None] | None:
        """Take in a small body at once; a big one goes on flowing while its rows are inserted."""
        if not request.can_read_body or request.content_type == MULTIPART:
            body.end()
        elif (request.content_length or _SMALL_BODY_BYTES) < _SMALL_BODY_BYTES:
            await body.feed(await request.content.read())
            body.end()
        else:
            return asyncio.ensure_future(self._feed(request, body))
        return None

    async def _feed(self, request: web.BaseRequest, body: BodyFeed) -> None:
        broken = True
        try:
            async for data in request.content.iter_any():
                await body.feed(data)
            broken = False
        except (ConnectionError, web.RequestPayloadError):
            logger.info("a client broke off while it sent its query")
        finally:
            body.end(broken)

    def _run(
        self,
        execution: Execution,
        result: ResultWriter,
        output: OutputChannel,
        body: BodyFeed,
        external: list[ExternalTable],
        tag: str,
    ) -> ClickHouseError | None:
        """In a worker thread: run the query and say how it ended."""
        error: ClickHouseError | None = None
        try:
            execution.run(body, external)
            output.finish()
        except ClickHouseError as refused:
            error = refused
        except ClientGone:
            error = ClickHouseError(210, "NETWORK_ERROR", "The client closed the connection")
        except Exception as bug:
            logger.exception("a query failed outside the engine")
            error = from_engine(bug)
        finally:
            body.discard()
        if error is not None:
            output.fail(result.trailer(error, self._engine.version, tag))
        return error

    async def _stream(
        self, request: web.BaseRequest, headers: dict[str, str], output: OutputChannel, running: asyncio.Future[Any]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        try:
            while (data := await output.next()) is not None:
                await response.write(data)
            if await running is not None and request.transport is not None:
                request.transport.close()  # without the last chunk, so that no client takes this for a whole answer
            else:
                await response.write_eof()
        except ConnectionError:
            logger.info("a client broke off while it got its result")
        return response

    def _refusal(self, error: ClickHouseError, query: QueryRequest | None = None) -> web.Response:
        headers = headers_for(self._engine, query)
        headers["X-ClickHouse-Exception-Code"] = str(error.code)
        headers["Content-Type"] = TEXT
        return web.Response(status=error.http_status, body=error.render(self._engine.version), headers=headers)

    async def sweep(self) -> None:
        """End abandoned sessions, for ever."""
        while True:
            await asyncio.sleep(_SESSION_SWEEP_SECONDS)
            await asyncio.to_thread(self._sessions.expire)

    def close(self) -> None:
        """Wait for the worker threads and end all sessions."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._sessions.expire(everything=True)
