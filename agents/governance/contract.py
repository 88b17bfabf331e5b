"""What the contract's own validation says, as a problem: which field, what is wrong, what to do."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError

from agents.governance import problems
from agents.governance.identity import MAX_MEMBERS
from agents.governance.outline import outline
from schemas.field_names import dotted
from schemas.model import NO_NUL_PATTERN
from schemas.wire import ProblemRecord

MAX_PARSER_DEPTH = 200
"""The JSON parser's own limit, which no setting can raise."""

_CONTENT_PATH = 3  # messages.<position>.content, then which kind of content was tried
_POSITION = re.compile(r" at line (\d+) column (\d+)$")
_CODES = {"missing": "missing_field", "extra_forbidden": "unknown_field"}
_REMEDIES = {
    "missing": "add {field}",
    "extra_forbidden": "remove {field} or correct its spelling",
    "timezone_aware": "add a UTC offset to {field}, as in 2026-01-31T12:00:00Z",
    "inconsistent": "{message}",
}
_PATTERN_REMEDIES = {
    "id": "use printable ASCII without spaces for id",
    "trace.traceparent": "write trace.traceparent as W3C Trace Context does: 00-<32 hex>-<16 hex>-<2 hex>",
}
_NAME_REMEDY = "begin {field} with a letter or digit, then use letters, digits, dots, hyphens and underscores"


def contract_problem(wrong: ValidationError, body: bytes, max_depth: int) -> ProblemRecord:
    """Return the first thing the contract has against this body; `max_depth` is what to say when it is too deep."""
    errors = wrong.errors(include_url=False, include_input=False)
    first = errors[0]
    if first["type"] == "json_invalid":
        return _malformed(first["msg"], body, max_depth)
    if not first["loc"] and first["type"] == "model_type":
        return ProblemRecord(
            "invalid_json", "the request is not a JSON object", "send each request as one JSON object"
        )
    return _invalid(*_located(errors))


def _located(errors: list[Any]) -> tuple[str, Any]:
    """Return the field at fault and its error; of a message's content, which may be of two kinds, the closer one."""
    first = errors[0]
    path = first["loc"]
    if path[0:1] != ("messages",) or path[2:_CONTENT_PATH] != ("content",):
        path = tuple(part for part in path if part != "[key]")
        return dotted(path) or first.get("ctx", {}).get("field", ""), first
    kinds = [error for error in errors if error["loc"][:_CONTENT_PATH] == path[:_CONTENT_PATH]]
    closest = max(kinds, key=lambda error: len(error["loc"]))
    if closest is first and closest["type"] == "string_type":
        closest = closest | {"msg": "Input should be text or a list of content parts"}
    inside = closest["loc"][_CONTENT_PATH + 1 :]
    return dotted(path[:_CONTENT_PATH] + inside) or "", closest


def _invalid(field: str, error: Any) -> ProblemRecord:
    kind, message = error["type"], error["msg"][:1].lower() + error["msg"][1:]
    if field == "version" and kind == "literal_error":
        return ProblemRecord(
            "unsupported_version", "version: this worker reads version 1 only", "send version 1", "version"
        )
    if kind == "string_pattern_mismatch":
        pattern = error["ctx"]["pattern"]
        if pattern == NO_NUL_PATTERN:
            return problems.holds_nul(field)
        remedy = _PATTERN_REMEDIES.get(field, _NAME_REMEDY)
    else:
        remedy = _REMEDIES.get(kind, "correct {field}: {message}")
    return ProblemRecord(
        _CODES.get(kind, "invalid_field"),
        f"{field}: {message}",
        remedy.format(field=field, message=message),
        field,
    )


def _malformed(message: str, body: bytes, max_depth: int) -> ProblemRecord:
    """Return the problem of bytes that are not JSON, with the top-level field in which reading them ended."""
    at = _POSITION.search(message)
    field = None if at is None else _field_at(body, _offset(body, int(at[1]), int(at[2])))
    if "recursion limit" in message:
        return problems.too_deep(field, min(max_depth, MAX_PARSER_DEPTH))
    if "number out of range" in message:
        return problems.integer_too_large(field or "the request")
    return ProblemRecord(
        "invalid_json",
        f"{field or 'the request'}: {message[:1].lower()}{message[1:]}",
        "send UTF-8 JSON as a JSON encoder writes it",
        field,
    )


def _offset(body: bytes, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = body.index(b"\n", start) + 1
    return start + max(column - 1, 0)


def _field_at(body: bytes, offset: int) -> str | None:
    sketch = outline(body, MAX_MEMBERS)
    key = next((member.key for member in sketch.members if offset <= member.end), sketch.open_key)
    return None if key is None else dotted((key[1:-1].decode(errors="replace"),))
