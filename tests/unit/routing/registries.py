"""Registries, requests and predictions of all kinds, for laws that hold for any."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from agents.routing.constraints import RoutingConstraints, constraints_of
from agents.routing.expectations import Expectations
from agents.routing.prospect import UNKNOWN, Prospect
from schemas.registry import ModelRegistry
from schemas.result import Lane
from schemas.settings import RoutingSettings
from schemas.tenant import TenantLimits
from tests.flow.journeys import TENANT, a_request
from tests.flow.models import a_model, a_registry

SETTINGS = RoutingSettings(expected_output_tokens=100)
NAMES = ("a", "b", "c", "d", "e")
WRITING = Decimal("1.25")
rates = st.integers(0, 3_000).map(lambda cents: Decimal(cents) / 100)


def _model(drawn: tuple[Any, ...], name: str) -> Any:
    quality, math, input_, cached, output, window, capabilities, providers, lanes, share = drawn
    writing = {"cache_write": input_ * WRITING} if quality % 2 else {}
    return a_model(
        name,
        quality={"default": quality / 1000, "mathematics": math / 1000},
        price={"input": input_, "cached_input": min(cached, input_), "output": output, "batch": share, **writing},
        context_window=window,
        capabilities=sorted(capabilities),
        providers=sorted(providers),
        lanes=sorted(lanes),
        speed={"first_token_ms": quality, "tokens_per_second": 50 + window % 7},
    )


models = st.tuples(
    st.integers(0, 1000),
    st.integers(0, 1000),
    rates,
    rates,
    rates,
    st.sampled_from([500, 5_000, 50_000]),
    st.sets(st.sampled_from(["tools", "json", "vision"])),
    st.sets(st.sampled_from(["east", "west"]), min_size=1),
    st.sets(st.sampled_from(["interactive", "bulk", "batch"]), min_size=1),
    st.sampled_from([Decimal("0.5"), Decimal(1)]),
)


@st.composite
def registries(draw: st.DrawFn) -> ModelRegistry:
    """Draw one to five models that differ in everything routing looks at."""
    count = draw(st.integers(1, len(NAMES)))
    return a_registry(*(_model(draw(models), name) for name in NAMES[:count]))


@st.composite
def asked(draw: st.DrawFn, /, **fixed: Any) -> RoutingConstraints:
    """Draw the constraints of a request in a lane, by the threshold rule unless told otherwise."""
    constraints: dict[str, Any] = {"min_quality": draw(st.integers(0, 900)) / 1000}
    if draw(st.booleans()):
        constraints["max_cost_usd"] = Decimal(draw(st.integers(0, 200))) / 10_000
    if draw(st.booleans()):
        constraints["latency_budget_ms"] = draw(st.integers(500, 4_000))
    fields: dict[str, Any] = {"constraints": constraints, **fixed}
    if draw(st.booleans()):
        fields["tools"] = [{"type": "function"}]
    if draw(st.booleans()):
        fields["task_type"] = "mathematics"
    if draw(st.booleans()):
        fields["sampling"] = {"max_output_tokens": draw(st.integers(1, 300))}
    allowed = draw(st.none() | st.sets(st.sampled_from(NAMES), min_size=1).map(lambda names: tuple(sorted(names))))
    tenant = TENANT.model_copy(update={"limits": TenantLimits(allowed_models=allowed)})
    down = draw(st.sampled_from([frozenset(), frozenset({"east"}), frozenset({"east", "west"})]))
    return constraints_of(a_request(**fields), tenant, draw(st.sampled_from(list(Lane))), SETTINGS, down)


@st.composite
def prospects(draw: st.DrawFn) -> Prospect:
    """Draw what a request brings along."""
    qualities = st.just(UNKNOWN) | st.integers(0, 1_000_000)
    predicted = draw(st.none() | st.tuples(*[qualities] * len(NAMES)))
    tokens = draw(st.integers(1, 6_000))
    warm = draw(st.dictionaries(st.sampled_from(NAMES), st.integers(1, 8_000), max_size=2))
    marked = draw(st.just(0) | st.integers(1, 6_000))
    return Prospect(tokens, predicted, tuple(sorted(warm.items())), marked)


expectations = st.builds(
    Expectations,
    st.dictionaries(st.tuples(st.sampled_from(NAMES), st.sampled_from([None, "mathematics"])), st.integers(1, 500)),
    st.dictionaries(st.sampled_from(NAMES), st.integers(1_000, 3_000)),
)


class Oracle:
    """A predictor that knows two models: one by the prompt's length, one never."""

    models = ("big", "elsewhere", "small")

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def predict(self, prompts: Sequence[str], task_types: Sequence[str | None]) -> NDArray[np.float64]:
        """Say that `big` is right on prompts of even length, and nothing of `small` where a task type is given."""
        self.asked.append(list(prompts))
        return np.array(
            [
                [1.0 if len(prompt) % 2 == 0 else 0.2, 0.5, 0.99 if task_type is None else np.nan]
                for prompt, task_type in zip(prompts, task_types, strict=True)
            ]
        ).reshape(len(prompts), 3)
