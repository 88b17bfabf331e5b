"""Models of simple numbers, for tests that count."""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.registry import ModelRegistry, ModelSpec
from schemas.wire import Choice, ExpectedRecord
from streams.stage import Journey


def a_model(name: str, **fields: Any) -> ModelSpec:
    """Return a model; unless told otherwise it can do everything, at 1 USD per million tokens."""
    return ModelSpec.model_validate(
        {
            "name": name,
            "providers": ["east"],
            "context_window": 10_000,
            "max_output_tokens": 4_000,
            "capabilities": ["tools", "json", "vision"],
            "quality": {"default": 0.8},
            "speed": {"first_token_ms": 100, "tokens_per_second": 100},
            "price": {"input": 1, "output": 1},
            **fields,
        }
    )


def a_registry(*specs: ModelSpec) -> ModelRegistry:
    """Return a registry of these models, priced by the list `list-1`."""
    return ModelRegistry(specs, "list-1")


def three_models() -> ModelRegistry:
    """Return a dear good model, a cheap poor one and one between."""
    return a_registry(
        a_model("big", quality={"default": 0.95}, price={"input": 10, "cached_input": 1, "output": 30}),
        a_model("middle", quality={"default": 0.85}, price={"input": 2, "output": 8}),
        a_model("small", quality={"default": 0.6, "mathematics": 0.3}, price={"input": "0.1", "output": "0.4"}),
    )


def decision_of(journey: Journey) -> Choice:
    """Return the whole decision about a journey: what it names of a survey is in it."""
    choice = msgspec.json.decode(journey.choice or b"", type=Choice)
    found = journey.findings
    assert choice.survey == (None if found is None else found.id)
    if found is None:
        return choice
    return msgspec.structs.replace(choice, survey=None, candidates=found.candidates, lost=found.lost)


def candidates_of(choice: Choice) -> dict[str, ExpectedRecord]:
    """Return the candidates of a decision by name."""
    return msgspec.json.decode(choice.candidates, type=dict[str, ExpectedRecord])
