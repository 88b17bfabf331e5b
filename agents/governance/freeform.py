"""What the contract leaves open, such as tool definitions, checked for what no provider or parser could take."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Any

from agents.governance import problems
from schemas.request import Request
from schemas.wire import ProblemRecord

MIN_INTEGER = -(2**63)
MAX_INTEGER = 2**64 - 1
"""Integers that parsers in other languages hold; a float may be larger."""

_ESCAPED_NUL = b"\\u0000"
_FIELD_LEVEL = 2  # brackets around a field's own: those of the request count as the first
_MESSAGE_FIELD_LEVEL = 4  # request, messages, message, field


def freeform_problem(request: Request, body: bytes, max_depth: int) -> ProblemRecord | None:
    """Return what is wrong with the first free-form field that cannot be taken, or None.

    Args:
        request: Valid by the contract.
        body: Its JSON.
        max_depth: Deepest nesting of the request's JSON.
    """
    if request.messages is None and request.tools is None and request.response_format is None:
        return None
    may_hold_nul = _ESCAPED_NUL in body
    for field, value, level in _freeform_fields(request):
        if problem := _problem(field, value, level, max_depth, may_hold_nul):
            return problem
    return None


def _freeform_fields(request: Request) -> Iterator[tuple[str, Any, int]]:
    """Give each free-form field with its dotted name and the depth of its outermost bracket."""
    if request.tools is not None:
        yield "tools", request.tools, _FIELD_LEVEL
    if request.response_format is not None:
        yield "response_format", request.response_format, _FIELD_LEVEL
    for position, message in enumerate(request.messages or ()):
        if type(message.content) is list:
            yield f"messages.{position}.content", message.content, _MESSAGE_FIELD_LEVEL
        if message.tool_calls is not None:
            yield f"messages.{position}.tool_calls", message.tool_calls, _MESSAGE_FIELD_LEVEL


def _problem(field: str, value: Any, level: int, max_depth: int, may_hold_nul: bool) -> ProblemRecord | None:
    """Walk one field level by level, so that no depth costs stack."""
    containers = [value]
    while containers:
        if level > max_depth:
            return problems.too_deep(field, max_depth)
        level += 1
        inner: list[Any] = []
        for container in containers:
            values = container
            if type(container) is dict:
                values = container.values()
                if may_hold_nul and any("\x00" in key for key in container):
                    return problems.holds_nul(field)
            for leaf in values:
                kind = type(leaf)
                if kind is dict or kind is list:
                    inner.append(leaf)
                elif (kind is not str or may_hold_nul) and (problem := _leaf_problem(field, leaf)):
                    return problem
        containers = inner
    return None


def _leaf_problem(field: str, leaf: object) -> ProblemRecord | None:
    if isinstance(leaf, str) and "\x00" in leaf:
        return problems.holds_nul(field)
    if isinstance(leaf, float) and not isfinite(leaf):
        return problems.not_finite(field)
    if isinstance(leaf, int) and not MIN_INTEGER <= leaf <= MAX_INTEGER:
        return problems.integer_too_large(field)
    return None
