"""The models that can be asked: what each can do, how good and fast it is, and what it costs.

Read from `config/models.yaml`. Prices are US dollars per million tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import ConfigurationError
from schemas.model import Fraction, Name, Usd
from schemas.result import Lane

Rate = Annotated[Usd, Field(ge=0)]
DIGEST_BYTES = 6


class Price(BaseModel):
    """US dollars per million tokens; cached input defaults to the input price."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Rate
    cached_input: Rate | None = None
    output: Rate
    per_request: Rate | None = None


class Speed(BaseModel):
    """How fast a model answers: milliseconds to the first token, then tokens per second."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_token_ms: Annotated[float, Field(ge=0)]
    tokens_per_second: Annotated[float, Field(gt=0)]


class ModelSpec(BaseModel):
    """One model.

    Attributes:
        providers: Names of configured providers that serve it, preferred first; the others are fallbacks.
        quality: Predicted quality in [0, 1] by task type; `default` is required.
        capabilities: Of `tools`, `json`, `vision`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    providers: Annotated[tuple[Name, ...], Field(min_length=1)]
    context_window: Annotated[int, Field(ge=1)]
    max_output_tokens: Annotated[int, Field(ge=1)] = 4096
    capabilities: frozenset[str] = frozenset()
    quality: dict[str, Fraction]
    quality_source: str = "unknown"
    speed: Speed
    price: Price
    lanes: tuple[Lane, ...] = (Lane.INTERACTIVE, Lane.BULK)

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
        self.price_list = price_list
        self._by_name = {spec.name: spec for spec in specs}
        if len(self._by_name) != len(specs):
            names = [spec.name for spec in specs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ConfigurationError(f"model {twice!r} is listed twice; keep one")
        for spec in specs:
            if "default" not in spec.quality:
                raise ConfigurationError(f"model {spec.name!r}: quality.default is missing; add it")

    def __iter__(self) -> Iterator[ModelSpec]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def get(self, name: str) -> ModelSpec | None:
        """Return the model of this name, or None."""
        return self._by_name.get(name)

    @classmethod
    def load(cls, path: Path) -> ModelRegistry:
        """Read `models.yaml`: a mapping with `date` and the list `models`.

        Raises:
            ConfigurationError: The file is missing or wrong; names the model and the field.
        """
        try:
            raw = path.read_bytes()
        except OSError as missing:
            raise ConfigurationError(f"models file {path}: {missing.strerror}; set models_file") from missing
        try:
            document = yaml.safe_load(raw)
            specs = tuple(ModelSpec.model_validate(entry) for entry in document["models"])
            date = document["date"]
        except ValidationError as wrong:
            first = wrong.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ConfigurationError(f"models file {path}: {wrong.title} field {where}: {first['msg']}") from wrong
        except (yaml.YAMLError, TypeError, KeyError) as wrong:
            raise ConfigurationError(f"models file {path}: needs date and a list models ({wrong})") from wrong
        digest = hashlib.blake2b(raw, digest_size=DIGEST_BYTES).hexdigest()
        return cls(specs, f"{date}/{digest}")
