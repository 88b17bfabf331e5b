"""Reading a bill of any flavor; pure, and safe to call on whatever a server sends."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from agents.providers.usage.anthropic_messages import MessagesUsage
from agents.providers.usage.compatible import CompatibleUsage
from agents.providers.usage.google_generate import GenerateUsage
from agents.providers.usage.openai_chat import ChatUsage, EmbeddingsUsage
from agents.providers.usage.openai_responses import ResponsesUsage
from agents.providers.usage.reading import Reading, consistent
from schemas.errors import UsageUnreadable
from schemas.wire import Tokens

PLACE = re.compile(r"^(?P<fault>.*) - at `\$\.?(?P<field>[^`]*)`$", re.DOTALL)
MISSING = re.compile(r"missing required field `(?P<field>[^`]*)`")


class Flavor(StrEnum):
    """Who counts how."""

    OPENAI_CHAT = "openai_chat"
    OPENAI_RESPONSES = "openai_responses"
    OPENAI_EMBEDDINGS = "openai_embeddings"
    ANTHROPIC_MESSAGES = "anthropic_messages"
    GOOGLE_GENERATE = "google_generate"
    COMPATIBLE = "compatible"


class _Bill(Protocol):
    def tokens(self) -> Tokens: ...


FORMS: dict[Flavor, type[_Bill]] = {
    Flavor.OPENAI_CHAT: ChatUsage,
    Flavor.OPENAI_RESPONSES: ResponsesUsage,
    Flavor.OPENAI_EMBEDDINGS: EmbeddingsUsage,
    Flavor.ANTHROPIC_MESSAGES: MessagesUsage,
    Flavor.GOOGLE_GENERATE: GenerateUsage,
    Flavor.COMPATIBLE: CompatibleUsage,
}
_decoders: dict[Flavor, Callable[[Any], _Bill]] = {
    flavor: msgspec.json.Decoder(form).decode for flavor, form in FORMS.items()
}


def extract(flavor: Flavor, usage: bytes | msgspec.Raw | Mapping[str, object]) -> Reading:
    """Return what a provider billed.

    Args:
        flavor: Who counts how.
        usage: The usage object of the answer (`usage`, Google's `usageMetadata`), as JSON or decoded.

    Raises:
        UsageUnreadable: It is no object, or a count is missing, negative, no whole number or absurdly large; names
            the field. A bill that merely contradicts itself is read, with doubts.
    """
    try:
        bill = msgspec.convert(usage, FORMS[flavor]) if isinstance(usage, Mapping) else _decoders[flavor](usage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise _unreadable(flavor, wrong) from wrong
    return consistent(bill.tokens())


def _unreadable(flavor: Flavor, wrong: Exception) -> UsageUnreadable:
    """Return the error for people: where the fault is and what was expected there."""
    said = str(wrong)
    place = PLACE.match(said)
    fault, field = (place["fault"], place["field"]) if place else (said, "")
    missing = MISSING.search(fault)
    if missing:
        field = f"{field}.{missing['field']}" if field else missing["field"]
    where = f"usage.{field}" if field else "usage"
    return UsageUnreadable(f"{where}: {fault[:1].lower()}{fault[1:]} ({flavor.value})", field)
