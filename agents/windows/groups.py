"""Which requests belong together: those a provider's prompt cache, and one model, can serve one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from schemas.batch import SharedPrefix
from schemas.request import Message, Request, Sampling, Weights

PLAIN: tuple[object, ...] = ()
"""Of a request that asks for nothing special."""


class Group(NamedTuple):
    """What requests of one window have in common.

    Before routing the model is only known when the request names it; otherwise the group holds what the choice
    depends on, besides lengths.

    Attributes:
        tenant: Whose they are: a window that another's requests fill would close earlier, and tell of them.
        choice: Mode, model and the constraints that choose one.
        sampling: How the answer is drawn.
        form: Names of the tools and type of the response format, both part of the prompt at providers.
        prefix: The beginning that others share, by its name where it is known, or else the first characters of the
            input; None for one shorter than that, which no provider caches.
    """

    tenant: str
    choice: tuple[object, ...]
    sampling: tuple[object, ...]
    form: tuple[object, ...]
    prefix: str | None


def group_of(request: Request, prefix_chars: int, shared: SharedPrefix | None = None) -> Group:
    """Return the group of a request, whose shared beginnings may be known."""
    asked = request.constraints
    choice = (request.mode, request.model, request.task_type, asked.min_quality, asked.max_cost_usd)
    return Group(
        request.tenant,
        (*choice, _weights(request.weights)),
        _sampling(request.sampling),
        _form(request),
        prefix_of(request, prefix_chars) if shared is None or not shared.cuts else shared.cuts[-1].key,
    )


def prefix_of(request: Request, chars: int) -> str | None:
    """Return the first characters of the input, or None when it is shorter."""
    if request.prompt is not None:
        return request.prompt[:chars] if len(request.prompt) >= chars else None
    found = ""
    for message in request.messages or ():
        found += f"{message.role}\n{_text(message)}\n"
        if len(found) >= chars:
            return found[:chars]
    return None


def _text(message: Message) -> str:
    if isinstance(message.content, str):
        return message.content
    return "\n".join(str(part.get("text", part.get("type"))) for part in message.content or ())


def _form(request: Request) -> tuple[object, ...]:
    if request.tools is None and request.response_format is None:
        return PLAIN
    names = tuple(_name(tool) for tool in request.tools or ())
    return (names, (request.response_format or {}).get("type"))


def _name(tool: Mapping[str, object]) -> str:
    function = tool.get("function")
    return str(function.get("name") if isinstance(function, Mapping) else tool.get("name"))


def _sampling(sampling: Sampling) -> tuple[object, ...]:
    if not sampling.model_fields_set:
        return PLAIN
    stop = None if sampling.stop is None else tuple(sampling.stop)
    return (
        sampling.temperature,
        sampling.top_p,
        sampling.max_output_tokens,
        sampling.seed,
        stop,
        sampling.presence_penalty,
        sampling.frequency_penalty,
    )


def _weights(weights: Weights | None) -> tuple[float, ...] | None:
    return None if weights is None else (weights.quality, weights.cost, weights.latency)
