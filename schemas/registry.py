"""The models that can be asked: what each can do, how good and fast it is, and what it costs.

Read from `config/models.yaml`. Prices are US dollars per million tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import ConfigurationError
from schemas.model import Fraction, Name, Usd
from schemas.result import Lane

MAX_RATE_DIGITS = 15
MAX_RATE_DECIMALS = 10
Rate = Annotated[Usd, Field(ge=0, max_digits=MAX_RATE_DIGITS, decimal_places=MAX_RATE_DECIMALS)]
"""A price. Its digits are limited so that costs fit Python's 28 decimal digits and are never rounded."""
DIGEST_BYTES = 6


class Capability(StrEnum):
    """What a request may need besides text in and text out."""

    TOOLS = "tools"
    JSON = "json"
    VISION = "vision"


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
        context_window: Tokens that input and output may have together.
        max_output_tokens: Longest answer the model gives.
        quality: Predicted quality in [0, 1] by task type; `default` is required.
        quality_source: Where the quality figures come from, for people.
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
        except yaml.YAMLError as wrong:
            raise ConfigurationError(f"models file {path}: is not YAML ({wrong})") from wrong
        date, entries = _date_and_entries(document, path)
        specs = tuple(_spec(entry, index, path) for index, entry in enumerate(entries))
        digest = hashlib.blake2b(raw, digest_size=DIGEST_BYTES).hexdigest()
        try:
            return cls(specs, f"{date}/{digest}")
        except ConfigurationError as wrong:
            raise ConfigurationError(f"models file {path}: {wrong}") from wrong


def _date_and_entries(document: object, path: Path) -> tuple[object, list[Any]]:
    if not isinstance(document, dict):
        raise ConfigurationError(f"models file {path}: needs a mapping with date and models")
    date, entries = document.get("date"), document.get("models")
    if not date:
        raise ConfigurationError(f"models file {path}: date is missing; say when the prices were published")
    if not isinstance(entries, list) or not entries:
        raise ConfigurationError(f"models file {path}: models must be a list with at least one model")
    return date, entries


def _spec(entry: object, index: int, path: Path) -> ModelSpec:
    named = entry.get("name") if isinstance(entry, dict) else None
    model = f"model {named!r}" if named else f"model number {index + 1}"
    try:
        return ModelSpec.model_validate(entry)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "entry"
        raise ConfigurationError(f"models file {path}: {model}: {field}: {first['msg']}") from wrong
