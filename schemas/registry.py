"""The models that can be asked: what each can do, how good and fast it is, and what it costs.

Read from `config/models.yaml`. Prices are US dollars per million tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.errors import ConfigurationError
from schemas.model import Fraction, Name
from schemas.rates import Price as Price
from schemas.result import Lane


class Capability(StrEnum):
    """What a request may need besides text in and text out."""

    TOOLS = "tools"
    JSON = "json"
    VISION = "vision"


class Speed(BaseModel):
    """How fast a model answers: milliseconds to the first token, then tokens per second."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_token_ms: Annotated[float, Field(ge=0)]
    tokens_per_second: Annotated[float, Field(gt=0)]


class ModelSpec(BaseModel):
    """One model.

    Attributes:
        providers: Names of configured providers that serve it, preferred first; the others are fallbacks.
        context_window: Tokens that input and output may have together.
        max_output_tokens: Longest answer the model gives.
        quality: Predicted quality in [0, 1] by task type; `default` is required.
        quality_source: Where the quality figures come from, for people.
        lanes: In which lanes it may be asked.
        price_ref: The price it is checked against: `provider:model` in the data of genai-prices.
        price_note: Why the price is not the one of `price_ref`, or what it leaves out, for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    providers: Annotated[tuple[Name, ...], Field(min_length=1)]
    context_window: Annotated[int, Field(ge=1)]
    max_output_tokens: Annotated[int, Field(ge=1)] = 4096
    capabilities: frozenset[Capability] = frozenset()
    quality: dict[str, Fraction]
    quality_source: str = "unknown"
    speed: Speed
    price: Price
    lanes: tuple[Lane, ...] = (Lane.INTERACTIVE, Lane.BULK, Lane.BATCH)
    price_ref: str | None = None
    price_note: str | None = None

    def quality_for(self, task_type: str | None) -> float:
        """Return the predicted quality for this task type, or the model's default."""
        return self.quality.get(task_type or "default", self.quality["default"])

    def latency_ms(self, output_tokens: int) -> float:
        """Return the expected time to a whole answer of this many tokens."""
        return self.speed.first_token_ms + 1000.0 * output_tokens / self.speed.tokens_per_second


class ModelRegistry:
    """The models of one configuration, in file order.

    Args:
        specs: The models; names must be unique.
        price_list: Name of the dated price list, written on every usage event.

    Raises:
        ConfigurationError: A name occurs twice or a model lacks its default quality.
    """

    def __init__(self, specs: tuple[ModelSpec, ...], price_list: str) -> None:
        by_name = {spec.name: spec for spec in specs}
        if len(by_name) != len(specs):
            names = [spec.name for spec in specs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ConfigurationError(f"model {twice!r} is listed twice; keep one")
        for spec in specs:
            if "default" not in spec.quality:
                raise ConfigurationError(f"model {spec.name!r}: quality.default is missing; add it")
        self._content: tuple[str, Mapping[str, ModelSpec]] = (price_list, by_name)

    def __iter__(self) -> Iterator[ModelSpec]:
        return iter(self._content[1].values())

    def __len__(self) -> int:
        return len(self._content[1])

    @property
    def price_list(self) -> str:
        """Name of the dated price list; tells one version of the models file from another."""
        return self._content[0]

    def get(self, name: str) -> ModelSpec | None:
        """Return the model of this name, or None."""
        return self._content[1].get(name)

    def adopt(self, newer: ModelRegistry) -> None:
        """Become a newer version of the same file, at once for all who hold this registry."""
        self._content = newer._content

    @classmethod
    def load(cls, path: Path) -> ModelRegistry:
        """Read `models.yaml`: a mapping with `date` and the list `models`.

        Raises:
            ConfigurationError: The file is missing or wrong; names the line and the field of everything wrong.
        """
        from schemas.models_file import read_models  # which makes registries, so it imports this module

        return read_models(path)
