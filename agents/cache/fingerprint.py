"""What makes two requests the same question: a canonical fingerprint, scoped to the tenant.

It covers what determines the answer: the conversation, tools, response format, sampling, the class of model asked
for, the task type, and the policy's rules about who may answer. It leaves out who asks, when, how urgently and at
what price: user, id, tags, trace, deadline, latency budget, maximum cost. Texts are compared as they are, to the
byte: exact means exact.
"""

from __future__ import annotations

import hashlib
import json
from operator import attrgetter

import orjson
from pydantic import JsonValue

from schemas.batch import Asked
from schemas.request import Message, Mode, Request, Role, Strategy, Weights

FORM = 1
"""Version of the canonical form; a change makes every older fingerprint unknown."""
DIGEST_BYTES = 16

_drawn = attrgetter(
    "temperature", "top_p", "max_output_tokens", "seed", "presence_penalty", "frequency_penalty"
)  # six attributes in one C call


def fingerprint_of(request: Request, sharing: str = "") -> str:
    """Return the hex BLAKE2b-128 of the request's canonical form.

    Sampling at a temperature without a seed is drawn anew at the provider, yet counts as the same question: whoever
    repeats a request wants an answer, not necessarily another one, and `refresh` or `bypass` ask for another one.

    Args:
        request: What is asked.
        sharing: The rules of its policy about who may answer and how long; answers given under other rules are not
            shared.
    """
    return _digest(_canonical(request, _conversation(request), sharing))


def asked_of(request: Request, sharing: str = "", *, longest: int) -> Asked | None:
    """Return what a request asks, apart from everything else that determines its answer.

    Only the words of the last message are compared with others. What precedes it must be the same to the byte: how
    much a conversation may differ before its next answer does, no verifier was ever shown.

    Args:
        request: What is asked.
        sharing: As of `fingerprint_of`.
        longest: Most characters of a question that is compared.

    Returns:
        The question; None where the last message is not one text of the user, is empty or too long.
    """
    *before, (role, text, name, calls, _) = _conversation(request)
    if role is not Role.USER or not isinstance(text, str) or calls is not None:
        return None
    if not text.strip() or len(text) > longest:
        return None
    return Asked(_digest(_canonical(request, [*before, (name,)], sharing)), text)


def _canonical(request: Request, conversation: list[tuple[object, ...]], sharing: str) -> tuple[object, ...]:
    sampling = request.sampling
    canonical: tuple[object, ...] = (
        FORM,
        request.tenant,
        conversation,
        request.tools or None,
        _format(request.response_format),
        _drawn(sampling),
        sampling.stop or None,
        _model_class(request),
        request.task_type,
    )
    return (*canonical, sharing) if sharing else canonical


def _digest(canonical: tuple[object, ...]) -> str:
    return hashlib.blake2b(_encoded(canonical), digest_size=DIGEST_BYTES).hexdigest()


def _encoded(canonical: tuple[object, ...]) -> bytes:
    """Return one byte string per canonical form: keys sorted, no spaces.

    orjson refuses what JSON readers may refuse too (integers beyond 64 bits, lone surrogates in free-form parts);
    the standard library writes those, several times slower. Both are deterministic, and a form always takes the
    same one.
    """
    try:
        return orjson.dumps(canonical, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return json.dumps(canonical, sort_keys=True, separators=(",", ":")).encode("ascii")


def _conversation(request: Request) -> list[tuple[object, ...]]:
    """Return the messages; a prompt is one message of the user."""
    if request.messages is None:
        return [(Role.USER, request.prompt, None, None, None)]
    return [_turn(message) for message in request.messages]


def _turn(message: Message) -> tuple[object, ...]:
    content: str | list[dict[str, JsonValue]] | None = message.content
    if isinstance(content, list) and len(content) == 1 and content[0].keys() == {"type", "text"}:
        part = content[0]
        if part["type"] == "text" and isinstance(part["text"], str):
            content = part["text"]  # a single text part says the same as the text itself
    return (message.role, content, message.name, message.tool_calls or None, message.tool_call_id)


def _format(response_format: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
    """Return the format, or None for plain text, however that is said."""
    return None if not response_format or response_format == {"type": "text"} else response_format


def _model_class(request: Request) -> tuple[object, ...]:
    """Return what was asked of the model. Of weights only the proportions count."""
    mode, least = request.mode, request.constraints.min_quality
    if mode is Mode.AUTOPILOT and request.strategy is None and request.accept is None:  # as nearly all are
        return (mode, least)
    if mode is Mode.EXPLICIT:
        return (mode, request.model)
    if request.strategy is Strategy.CASCADE or request.accept is not None:
        return (Strategy.CASCADE, least, request.accept)
    if mode is Mode.AUTOPILOT:
        return (mode, least)
    weights = request.weights or Weights()
    total = (weights.quality + weights.cost + weights.latency) or 1.0
    return (mode, least, weights.quality / total, weights.cost / total, weights.latency / total)
