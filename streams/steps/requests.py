"""The request that a step comes to, and the request that its steps' results complete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from schemas.request import CacheDirective, CacheOptions, Message, Mode, Request, Role
from schemas.steps import REFERENCE, DeclaredStep, texts_of_content

SEPARATOR = " "
"""Occurs in no request's id and in no step's name, so that no two of them look alike."""
NO_CACHE = CacheOptions(directive=CacheDirective.BYPASS)

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.encode


def step_id(request_id: str, name: str) -> str:
    """Return the id under which a step of a request travels."""
    return f"{request_id}{SEPARATOR}{name}"


def request_of(travelling_id: str) -> str:
    """Return the id of the request behind one that travels, which may be that of a step."""
    return travelling_id.partition(SEPARATOR)[0]


def texts_of_request(request: Request) -> list[str]:
    """Return the texts in which a request may refer to its steps."""
    if request.messages is None:
        return [request.prompt or ""]
    return texts_of_content(message.content for message in request.messages)


def step_request(
    request: Request, step: DeclaredStep, text: str, max_cost_usd: Decimal | None, *, shared: bool = True
) -> Request:
    """Return what is asked for a step; as the request's, but for what the step says.

    Args:
        request: Whose step it is.
        step: As declared.
        text: Its input.
        max_cost_usd: Most expected cost of the call; None for any.
        shared: Whether results of other requests' steps may serve.
    """
    update: dict[str, Any] = {
        "id": step_id(request.id, step.name),
        "prompt": None,
        "messages": [
            Message(role=Role.SYSTEM, content=step.operation),
            Message.model_construct(role=Role.USER, content=text),
        ],
        "tools": None,
        "response_format": None,
        "sampling": step.sampling,
        "task_type": step.task_type,
        "steps": None,
        "cache": request.cache if shared or request.cache.directive is CacheDirective.ONLY else NO_CACHE,
        "constraints": request.constraints.model_copy(update={"max_cost_usd": max_cost_usd}),
    }
    if step.model is not None:
        chosen = {"mode": Mode.EXPLICIT, "model": step.model}
        update |= {**chosen, "weights": None, "strategy": None, "lambda_": None, "accept": None}
    return request.model_copy(update=update)


def step_body(request: Request) -> bytes:
    """Return the JSON of a step's request, as providers read it."""
    sampling = request.sampling.model_dump(mode="json", exclude_none=True)
    messages = [{"role": message.role, "content": message.content} for message in request.messages or ()]
    return _encode({"id": request.id, "tenant": request.tenant, "messages": messages, "sampling": sampling})


def filled(text: str, results: Mapping[str, str]) -> str:
    """Return a text with results in place of references; what a result says is not looked at for more."""
    return REFERENCE.sub(lambda reference: results[reference[1]], text)


def filled_size(texts: Iterable[str], results: Mapping[str, str]) -> int:
    """Return how many characters texts have with results in place of references, without making them."""
    size = 0
    for text in texts:
        size += len(text)
        for reference in REFERENCE.finditer(text):
            size += len(results[reference[1]]) - len(reference[0])
    return size


def completed(
    request: Request, body: bytes, results: Mapping[str, str], max_cost_usd: Decimal | None
) -> tuple[Request, bytes]:
    """Return a request and its JSON with the results of its steps in place, and without the steps.

    Args:
        request: With steps.
        body: Its JSON.
        results: By step.
        max_cost_usd: Most expected cost of the call that is left; None for any.
    """
    raw = _fields.decode(body)
    raw.pop("steps", None)
    changed: dict[str, Any] = {"steps": None}
    if request.prompt is not None:
        changed["prompt"] = filled(request.prompt, results)
        raw["prompt"] = msgspec.Raw(_encode(changed["prompt"]))
    if request.messages is not None:
        changed["messages"] = messages = [_message(message, results) for message in request.messages]
        dumped = [message.model_dump(mode="json", exclude_unset=True) for message in messages]
        raw["messages"] = msgspec.Raw(_encode(dumped))
    if max_cost_usd is not None:
        changed["constraints"] = request.constraints.model_copy(update={"max_cost_usd": max_cost_usd})
    return request.model_copy(update=changed), _encode(raw)


def _message(message: Message, results: Mapping[str, str]) -> Message:
    content = message.content
    if isinstance(content, str):
        return message.model_copy(update={"content": filled(content, results)})
    if content is None:
        return message
    parts = [
        {**part, "text": filled(text, results)} if isinstance(text := part.get("text"), str) else part
        for part in content
    ]
    return message.model_copy(update={"content": parts})
