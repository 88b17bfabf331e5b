"""Placeholders in the place of personal data: how they are written, recognised and replaced by the originals.

A placeholder is `[LABEL_n]`, e.g. `[EMAIL_1]`. Models do not always repeat them to the letter, so that other cases,
spaces, hyphens, backslashes before the underscore or the brackets (as Markdown has them) and other square brackets
are understood too. What has lost its brackets or its number is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from schemas.screening import PersonalDataType
from schemas.wire import Answer

LABELS = {kind: "ID" if kind is PersonalDataType.NATIONAL_ID else kind.name for kind in PersonalDataType}
"""What a placeholder calls each type."""

_NAMES = "|".join(LABELS.values())
_INNER = rf"\s{{0,2}}({_NAMES})\s{{0,2}}(?:\\?[_-]|\s)\s{{0,2}}([0-9]{{1,6}})\s{{0,2}}"
_ANY = re.compile(rf"\\\[{_INNER}\\\]|[\[【\uff3b]{_INNER}[\]】\uff3d]", re.IGNORECASE)
_FENCED = re.compile(r"(```json[^\S\n]{0,8}\n)(.*?)(\n```)", re.IGNORECASE | re.DOTALL)
_OPENING = ("[", "【", "\uff3b")


def placeholder(kind: PersonalDataType, number: int) -> str:
    """Return the placeholder of the value with this number among those of its type."""
    return f"[{LABELS[kind]}_{number}]"


def redacted(kind: PersonalDataType) -> str:
    """Return what stands where a value was removed for good."""
    return f"[{LABELS[kind]}]"


def placeholders_in(text: str) -> set[str]:
    """Return the placeholders that a text already holds, in whatever way they are written."""
    if not any(sign in text for sign in _OPENING):
        return set()
    return {_canonical(found) for found in _ANY.finditer(text)}


def restored(answer: Answer | None, originals: Mapping[str, str]) -> Answer | None:
    """Return an answer with the originals in the place of their placeholders.

    Within JSON (an answer that is a document, a fenced block of it, the arguments of a tool call) originals are
    escaped as JSON strings are.
    """
    if answer is None or not originals:
        return answer
    content = None if answer.content is None else restored_text(answer.content, originals)
    calls = None if answer.tool_calls is None else _restored_value(answer.tool_calls, originals)
    return msgspec.structs.replace(answer, content=content, tool_calls=calls)


def restored_text(text: str, originals: Mapping[str, str]) -> str:
    """Return a text with the originals in the place of their placeholders; the rest of it stays as it is."""
    if not any(sign in text for sign in _OPENING):
        return text
    escaped = {name: json.dumps(value, ensure_ascii=False)[1:-1] for name, value in originals.items()}
    if escaped != originals:  # else it is all the same where they stand
        if _is_json(text):
            return _ANY.sub(_replacing(escaped), text)
        if "```json" in text.lower():
            return _restored_blocks(text, originals, escaped)
    return _ANY.sub(_replacing(originals), text)


def _restored_blocks(text: str, originals: Mapping[str, str], escaped: Mapping[str, str]) -> str:
    parts, place = [], 0
    for block in _FENCED.finditer(text):
        values = escaped if _is_json(block[2]) else originals
        parts += [
            _ANY.sub(_replacing(originals), text[place : block.start(2)]),
            _ANY.sub(_replacing(values), block[2]),
        ]
        place = block.end(2)
    return "".join([*parts, _ANY.sub(_replacing(originals), text[place:])])


def _replacing(values: Mapping[str, str]) -> Callable[[re.Match[str]], str]:
    return lambda found: values.get(_canonical(found), found[0])


def _canonical(found: re.Match[str]) -> str:
    label, number = (found[1], found[2]) if found[1] is not None else (found[3], found[4])
    return f"[{label.upper()}_{int(number)}]"


def _restored_value(value: Any, originals: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return restored_text(value, originals)
    if isinstance(value, list):
        return [_restored_value(item, originals) for item in value]
    if isinstance(value, dict):
        return {key: _restored_value(item, originals) for key, item in value.items()}
    return value


def _is_json(text: str) -> bool:
    if not text.lstrip().startswith(("{", "[", '"')):
        return False
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return False
    return True
