"""Answers that were given elsewhere, as `asahi cache warm` reads them: a request per line, and what to say to it."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from agents.cache.bringing import Given
from schemas.batch import Target
from schemas.errors import ConfigurationError
from schemas.field_names import dotted
from schemas.model import Name
from schemas.registry import ModelRegistry
from schemas.request import Request
from schemas.result import Output, TokenUsage
from schemas.tokens import estimate_text_tokens, estimate_tokens
from schemas.wire import Answer, Tokens

ID_BYTES = 8
DONE = "stop"


class Told(BaseModel):
    """What a line says besides its request.

    Attributes:
        answer: The answer: its text, or an object as `output` of a result.
        model: The model whose answer it is.
        provider: Where; the model's first provider unless told.
        usage: Tokens of the call; estimated where they are not told.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: str | Output
    model: Name
    provider: Name | None = None
    usage: TokenUsage | None = None


def given_in(line: bytes, number: int, tenant: str, registry: ModelRegistry, now: float) -> Given:
    """Return the answer in a line.

    Args:
        line: JSON.
        number: Of the line, from 1.
        tenant: Whose answers these are; a line may name it as well, but no other.
        registry: The models.
        now: Unix seconds at which the answer counts as given.

    Raises:
        ConfigurationError: Something is wrong with it; names line, field and remedy.
    """
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError as wrong:
        raise ConfigurationError(f"line {number}: not JSON: {wrong}; write one JSON object per line") from wrong
    if not isinstance(fields, dict):
        raise ConfigurationError(f"line {number}: not an object; write one JSON object per line")
    told = _told({name: fields.pop(name) for name in Told.model_fields if name in fields}, number)
    if fields.setdefault("tenant", tenant) != tenant:
        raise ConfigurationError(f"line {number}: field tenant: it names another one; leave it out, or say --tenant")
    fields.setdefault("id", f"warm-{blake2b(line, digest_size=ID_BYTES).hexdigest()}")
    try:
        request = Request.model_validate(fields)
    except ValidationError as wrong:
        raise _fault(number, wrong, "a request is as `asahi submit` takes it") from wrong
    spec = registry.get(told.model)
    if spec is None and told.provider is None:
        raise ConfigurationError(
            f"line {number}: field model: {told.model} is not in the models file; correct it, or name its provider"
        )
    provider = told.provider or (spec.providers[0] if spec is not None else "")
    output = Output(content=told.answer, finish_reason=DONE) if isinstance(told.answer, str) else told.answer
    answer = Answer(output.content, output.tool_calls, output.finish_reason)
    return Given(request, answer, _tokens(told.usage, request, answer), Target(told.model, provider), now)


def _told(fields: dict[str, Any], number: int) -> Told:
    if "answer" not in fields:
        raise ConfigurationError(
            f"line {number}: field answer: missing; to have models answer requests, use `asahi submit`"
        )
    try:
        return Told.model_validate(fields)
    except ValidationError as wrong:
        raise _fault(number, wrong, "answer is a text or an output, model the name of its model") from wrong


def _fault(number: int, wrong: ValidationError, remedy: str) -> ConfigurationError:
    first = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
    return ConfigurationError(f"line {number}: field {dotted(first['loc']) or 'body'}: {first['msg']}; {remedy}")


def _tokens(usage: TokenUsage | None, request: Request, answer: Answer) -> Tokens:
    if usage is None:
        return Tokens(input_tokens=estimate_tokens(request), output_tokens=estimate_text_tokens(answer.content or ""))
    return tokens_of(usage)


def tokens_of(usage: TokenUsage) -> Tokens:
    """Return a public usage as the pipeline has it."""
    counts = usage.model_dump()
    return Tokens(**{name: counts[name] for name in Tokens.__struct_fields__ if counts.get(name) is not None})
