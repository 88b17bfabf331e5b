"""A loopback server that speaks OpenAI's files and batches and Anthropic's message batches.

Run it alone with `python -m tests.servers.batches --port 8901 --turnaround 20 --state batches.jsonl`, or start a
`BatchServer` in a test over a `BatchDesk` of its own. Killed with -9, it goes on from its state file.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
import time
import zlib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import web

from tests.servers.batch_desk import BatchDesk, Conditions, DeskBatch, Verdict

HOST = "127.0.0.1"
OPENAI_ITEMS, OPENAI_BYTES = 50_000, 200_000_000
ANTHROPIC_ITEMS, ANTHROPIC_BYTES = 100_000, 256_000_000
CUSTOM_ID = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
CHARS_PER_TOKEN = 4
REFUSALS = {
    Verdict.ERRORED: (500, "server_error"),
    Verdict.EXPIRED: (None, "batch_expired"),
    Verdict.CANCELED: (None, "batch_cancelled"),
}


def answer_to(body: Any) -> str:
    """Return the answer to a body, the same every time."""
    return f"Answer {zlib.crc32(msgspec.json.encode(body)):08x}."


def tokens_of(body: Any) -> tuple[int, int]:
    """Return the input and output tokens billed for a body."""
    return max(1, len(msgspec.json.encode(body)) // CHARS_PER_TOKEN), len(answer_to(body)) // CHARS_PER_TOKEN


class BatchServer:
    """The server, as an async context manager.

    Args:
        desk: What it knows; shared with the test.
        port: 0 takes a free one; see `base_url`.

    Attributes:
        asked: How often each kind of message came, by method and path pattern.
    """

    def __init__(self, desk: BatchDesk, *, port: int = 0) -> None:
        self.desk = desk
        self.asked: Counter[str] = Counter()
        self._port = port
        app = web.Application(client_max_size=ANTHROPIC_BYTES + 1)
        routes = (
            ("POST", "/v1/files", self._upload),
            ("GET", "/v1/files/{id}/content", self._content),
            ("POST", "/v1/batches", self._create),
            ("GET", "/v1/batches", self._list),
            ("GET", "/v1/batches/{id}", self._retrieve),
            ("POST", "/v1/batches/{id}/cancel", self._cancel),
            ("POST", "/v1/messages/batches", self._create_messages),
            ("GET", "/v1/messages/batches", self._list_messages),
            ("GET", "/v1/messages/batches/{id}", self._retrieve_messages),
            ("POST", "/v1/messages/batches/{id}/cancel", self._cancel_messages),
            ("GET", "/v1/messages/batches/{id}/results", self._results),
        )
        for method, path, handler in routes:
            app.router.add_route(method, path, self._counted(f"{method} {path}", handler))
        self._runner = web.AppRunner(app, access_log=None)

    @property
    def base_url(self) -> str:
        """The URL up to and including `/v1`."""
        return f"http://{HOST}:{self._port}/v1"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def _counted(self, name: str, handler: Any) -> Any:
        anthropic = "/messages/" in name

        async def counted(request: web.Request) -> web.StreamResponse:
            self.asked[name] += 1
            headers = request.headers
            bearer = headers.get("authorization", "").startswith("Bearer ")
            keyed = bearer or (anthropic and "x-api-key" in headers)  # the newest official client sends a bearer, too
            if not keyed or (anthropic and "anthropic-version" not in headers):
                return _anthropic_error(401, "authentication_error") if anthropic else _openai_error(401, "no_key")
            if (
                "id" in request.match_info
                and "files" not in name
                and request.match_info["id"] not in self.desk.batches
            ):
                return _anthropic_error(404, "not_found_error") if anthropic else _openai_error(404, "not_found")
            response: web.StreamResponse = await handler(request)
            return response

        return counted

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        file = form["file"]
        if not isinstance(file, web.FileField) or form.get("purpose") != "batch":
            return _openai_error(400, "invalid_request")
        content = file.file.read()
        if len(content) > OPENAI_BYTES:
            return _openai_error(400, "file_too_large")
        kept = self.desk.upload(file.filename, content)
        return web.json_response(
            {
                "id": kept.file,
                "object": "file",
                "bytes": len(content),
                "created_at": int(kept.at),
                "filename": kept.name,
                "purpose": "batch",
                "status": "processed",
            }
        )

    async def _create(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        file = self.desk.files.get(asked["input_file_id"])
        if file is None or asked["endpoint"] != "/v1/chat/completions" or asked["completion_window"] != "24h":
            return _openai_error(400, "invalid_request")
        items, refusal = _read_lines(file.content)
        label = (asked.get("metadata") or {}).get("asahi_job")
        batch = self.desk.submit(items, label=label, file=file.file, refusal=refusal)
        return self._answered(request, self._batch_json(batch))

    async def _list(self, request: web.Request) -> web.StreamResponse:
        page, more = self._page(request, "after")
        data = [self._batch_json(batch) for batch in page]
        first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
        return web.json_response(
            {"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": more}
        )

    async def _retrieve(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._batch_json(self.desk.batches[request.match_info["id"]]))

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        batch = self.desk.batches[request.match_info["id"]]
        if batch.ended(self.desk.clock()):
            return _openai_error(409, "batch_has_ended")
        self.desk.stop(batch.id)
        return web.json_response(self._batch_json(batch))

    async def _content(self, request: web.Request) -> web.StreamResponse:
        kind, _, name = request.match_info["id"].partition("-of-")
        batch = self.desk.batches.get(name)
        if batch is None or not batch.ended(self.desk.clock()):
            return _openai_error(404, "not_found")
        wanted = {Verdict.SUCCEEDED} if kind == "output" else {Verdict.ERRORED, Verdict.EXPIRED}
        lines = [openai_line(batch, item) for item in shuffled(batch) if batch.verdict(item) in wanted]
        return web.Response(body=b"".join(line + b"\n" for line in lines), content_type="application/octet-stream")

    def _batch_json(self, batch: DeskBatch) -> dict[str, Any]:
        now = self.desk.clock()
        ended, counts = batch.ended(now), batch.counts()
        done = counts[Verdict.SUCCEEDED] if ended else 0
        failed = counts[Verdict.ERRORED] + counts[Verdict.EXPIRED] if ended else 0
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "input_file_id": batch.file,
            "created_at": int(batch.created_at),
            "expires_at": int(batch.expires_at),
            "status": _openai_status(batch, now),
            "metadata": None if batch.label is None else {"asahi_job": batch.label},
            "output_file_id": f"output-of-{batch.id}" if done else None,
            "error_file_id": f"error-of-{batch.id}" if failed else None,
            "errors": None
            if batch.refusal is None
            else {"object": "list", "data": [{"code": batch.refusal, "message": "refused"}]},
            "request_counts": {"total": len(batch.items), "completed": done, "failed": failed},
        }

    async def _create_messages(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if len(body) > ANTHROPIC_BYTES:
            return _anthropic_error(413, "request_too_large")
        asked = msgspec.json.decode(body)["requests"]
        items = {one["custom_id"]: one["params"] for one in asked}
        well = all(CUSTOM_ID.match(name) and "max_tokens" in params for name, params in items.items())
        if not asked or len(items) != len(asked) or len(asked) > ANTHROPIC_ITEMS or not well:
            return _anthropic_error(400, "invalid_request_error")
        batch = self.desk.submit(items)
        return self._answered(request, self._message_batch_json(batch))

    async def _list_messages(self, request: web.Request) -> web.StreamResponse:
        page, more = self._page(request, "after_id")
        data = [self._message_batch_json(batch) for batch in page]
        first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
        return web.json_response({"data": data, "first_id": first, "last_id": last, "has_more": more})

    async def _retrieve_messages(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._message_batch_json(self.desk.batches[request.match_info["id"]]))

    async def _cancel_messages(self, request: web.Request) -> web.StreamResponse:
        batch = self.desk.batches[request.match_info["id"]]
        if batch.ended(self.desk.clock()):
            return _anthropic_error(400, "invalid_request_error")
        self.desk.stop(batch.id)
        return web.json_response(self._message_batch_json(batch))

    async def _results(self, request: web.Request) -> web.StreamResponse:
        batch = self.desk.batches[request.match_info["id"]]
        if not batch.ended(self.desk.clock()):
            return _anthropic_error(400, "invalid_request_error")
        lines = [_anthropic_line(batch, item) for item in shuffled(batch)]
        return web.Response(body=b"\n".join(lines), content_type="application/x-jsonl")

    def _message_batch_json(self, batch: DeskBatch) -> dict[str, Any]:
        ended = batch.ended(self.desk.clock())
        counts = batch.counts() if ended else Counter[Verdict]()
        stopping = "canceling" if batch.stopped_at is not None else "in_progress"
        url = f"http://{HOST}:{self._port}/v1/messages/batches/{batch.id}/results"
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if ended else stopping,
            "request_counts": {
                "processing": 0 if ended else len(batch.items),
                **{verdict.value: counts[verdict] for verdict in Verdict},
            },
            "created_at": _iso(batch.created_at),
            "expires_at": _iso(batch.expires_at),
            "ended_at": _iso(batch.ends_at) if ended else None,
            "cancel_initiated_at": None if batch.stopped_at is None else _iso(batch.stopped_at),
            "archived_at": None,
            "results_url": url if ended else None,
        }

    def _page(self, request: web.Request, after: str) -> tuple[list[DeskBatch], bool]:
        batches = self.desk.newest_first()
        start = request.query.get(after)
        if start is not None:
            batches = batches[[batch.id for batch in batches].index(start) + 1 :]
        limit = int(request.query.get("limit", "20"))
        return batches[:limit], len(batches) > limit

    def _answered(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        """Answer a submission, or reset the connection after it was accepted."""
        if self.desk.unanswered:
            self.desk.unanswered -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(body)


def _read_lines(content: bytes) -> tuple[dict[str, Any], str | None]:
    """Return the bodies of a file by custom id, and why the batch fails its validation, if it does."""
    lines = [msgspec.json.decode(line) for line in content.splitlines() if line]
    items = {line["custom_id"]: line["body"] for line in lines}
    if not lines:
        return items, "empty_file"
    if len(lines) > OPENAI_ITEMS:
        return items, "too_many_requests_in_file"
    if len(items) != len(lines):
        return items, "duplicate_custom_id"
    if len({body["model"] for body in items.values()}) > 1:
        return items, "mismatched_model"
    wrong = any(line["method"] != "POST" or line["url"] != "/v1/chat/completions" for line in lines)
    return items, "invalid_url" if wrong else None


def shuffled(batch: DeskBatch) -> list[str]:
    """Return the items in an order of their own."""
    return sorted(batch.items, key=lambda item: zlib.crc32(b"order/" + item.encode()))


def _openai_status(batch: DeskBatch, now: float) -> str:
    if batch.refusal is not None:
        return "failed"
    if not batch.ended(now):
        return "in_progress" if batch.stopped_at is None else "cancelling"
    if batch.ends_at == batch.done_at:
        return "completed"
    return "expired" if batch.stopped_at is None else "cancelled"


def openai_line(batch: DeskBatch, item: str) -> bytes:
    body = msgspec.json.decode(batch.items[item])
    verdict = batch.verdict(item)
    line: dict[str, Any] = {"id": f"batch_req_{item}", "custom_id": item, "response": None, "error": None}
    if verdict is Verdict.SUCCEEDED:
        line["response"] = {"status_code": 200, "request_id": f"req_{item}", "body": openai_answer(body, item)}
        return msgspec.json.encode(line)
    status, code = REFUSALS[verdict]
    if status is None:
        line["error"] = {"code": code, "message": "This request could not be executed in time."}
    else:
        error = {"error": {"message": "The server had an error.", "type": code, "code": code}}
        line["response"] = {"status_code": status, "request_id": f"req_{item}", "body": error}
    return msgspec.json.encode(line)


def openai_answer(body: Any, name: str) -> dict[str, Any]:
    """Return a chat completion."""
    input_tokens, output_tokens = tokens_of(body)
    message = {"role": "assistant", "content": answer_to(body), "refusal": None}
    return {
        "id": f"chatcmpl-{name}",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {
            "prompt_tokens": input_tokens,
            "completion_tokens": output_tokens,
            "total_tokens": input_tokens + output_tokens,
        },
    }


def anthropic_answer(body: Any, name: str) -> dict[str, Any]:
    """Return a message."""
    input_tokens, output_tokens = tokens_of(body)
    return {
        "id": f"msg_{name}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [{"type": "text", "text": answer_to(body)}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": input_tokens, "output_tokens": output_tokens},
    }


def _anthropic_line(batch: DeskBatch, item: str) -> bytes:
    verdict = batch.verdict(item)
    result: dict[str, Any] = {"type": verdict.value}
    if verdict is Verdict.SUCCEEDED:
        result["message"] = anthropic_answer(msgspec.json.decode(batch.items[item]), item)
    elif verdict is Verdict.ERRORED:
        error = {"type": "api_error", "message": "Internal server error"}
        result["error"] = {"type": "error", "error": error, "request_id": f"req_{item}"}
    return msgspec.json.encode({"custom_id": item, "result": result})


def _openai_error(status: int, code: str) -> web.Response:
    return web.json_response(
        {"error": {"message": code, "type": "invalid_request_error", "code": code}}, status=status
    )


def _anthropic_error(status: int, kind: str) -> web.Response:
    return web.json_response({"type": "error", "error": {"type": kind, "message": kind}}, status=status)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    conditions = Conditions(turnaround_seconds=options.turnaround, failure_rate=options.failure_rate)
    async with BatchServer(BatchDesk(time.time, conditions, options.state), port=options.port) as server:
        print(f"listening on {server.base_url}", flush=True)  # noqa: T201 -- a starter waits for this line
        await stop.wait()


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one and prints it")
    parser.add_argument("--turnaround", type=float, default=60.0, help="seconds of a batch")
    parser.add_argument("--failure-rate", type=float, default=0.0, help="share of items that end with an error")
    parser.add_argument("--state", type=Path, help="append what happens here, and begin from it")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
