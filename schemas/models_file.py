"""Reading `models.yaml`: everything wrong in it is said at once, each with its line, its model and its field."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, ValidationError

from schemas.errors import ConfigurationError
from schemas.located_yaml import Located, parse_located
from schemas.prices_published import edition
from schemas.registry import ModelRegistry, ModelSpec, Price, Speed

DIGEST_BYTES = 6
TOP_LEVEL = ("date", "models")
PARTS: dict[str, type[BaseModel]] = {"price": Price, "speed": Speed}


class Fault(NamedTuple):
    """One thing wrong in the file."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


def read_models(path: Path) -> ModelRegistry:
    """Return the models of a file.

    Raises:
        ConfigurationError: The file is missing or wrong; names the line and the field of everything wrong.
    """
    return parse_models(_read(path), path)


def parse_models(raw: bytes, path: Path) -> ModelRegistry:
    """Return the models that the content of a file lists.

    Args:
        raw: The content.
        path: Where it was read, for the message.

    Raises:
        ConfigurationError: It is wrong; names the line and the field of everything wrong.
    """
    try:
        document = parse_located(raw)
    except yaml.YAMLError as wrong:
        raise ConfigurationError(f"models file {path}: is not YAML ({wrong})") from wrong
    faults: list[Fault] = []
    specs = tuple(_specs(document, faults))
    if faults:
        raise ConfigurationError(_said(path, sorted(faults, key=lambda fault: fault.line)))
    price_list = f"{document.value['date']}/{hashlib.blake2b(raw, digest_size=DIGEST_BYTES).hexdigest()}"
    if any(spec.price.published for spec in specs):
        price_list += f"/{edition()}"
    return ModelRegistry(specs, price_list)


@dataclass(slots=True)
class ModelsFile:
    """A models file that is looked at again and again.

    Attributes:
        path: Where it is.
    """

    path: Path
    _stamp: tuple[int, int] | None = None
    _raw: bytes | None = None

    def load(self) -> ModelRegistry:
        """Read it, and know from now on how it looked.

        Raises:
            ConfigurationError: It is missing or wrong.
        """
        self._stamp = self._look()
        self._raw = _read(self.path)
        return parse_models(self._raw, self.path)

    def reload(self) -> ModelRegistry | None:
        """Return the models when the file says something else than last time, else None.

        A file whose time or size is unchanged is not read; one whose bytes are unchanged is not parsed. One that is
        wrong or gone is complained of once.

        Raises:
            ConfigurationError: It has become wrong.
        """
        stamp = self._look()
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        raw = _read(self.path)
        if raw == self._raw:
            return None
        self._raw = raw
        return parse_models(raw, self.path)

    def _look(self) -> tuple[int, int] | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as missing:
        raise ConfigurationError(
            f"models file {path}: {missing.strerror}; set models_file (ASAHI_MODELS_FILE), or run Asahi in the "
            "folder that has it"
        ) from missing


def _said(path: Path, faults: Sequence[Fault]) -> str:
    if len(faults) == 1:
        return f"models file {path}: {faults[0]}"
    lines = "".join(f"\n  {fault}" for fault in faults)
    return f"models file {path} is wrong in {len(faults)} places:{lines}"


def _specs(document: Located, faults: list[Fault]) -> Iterator[ModelSpec]:
    """Yield the models that are right; what is wrong goes to `faults`."""
    content = document.value
    if not isinstance(content, dict):
        faults.append(Fault(1, "needs a mapping with date and models"))
        return
    for place, line in document.repeated:
        faults.append(Fault(line, f"{_whose(content, place)}{_field(place)} is given twice; keep one"))
    strange = [str(key) for key in content if key not in TOP_LEVEL]
    faults.extend(Fault(document.line_of((key,)), _unknown(key, TOP_LEVEL)) for key in strange)
    if not content.get("date"):
        faults.append(Fault(document.line_of(("date",)), "date is missing; say when the prices were published"))
    entries = content.get("models")
    if not isinstance(entries, list) or not entries:
        faults.append(Fault(document.line_of(("models",)), "models must be a list with at least one model"))
        return
    first_lines: dict[str, int] = {}
    for index, entry in enumerate(entries):
        spec = _spec(document, index, entry, faults)
        line = document.line_of(("models", index))
        if spec is None:
            continue
        if spec.name in first_lines:
            said = f"model {spec.name!r} is listed twice, first on line {first_lines[spec.name]}; keep one"
            faults.append(Fault(line, said))
        else:
            first_lines[spec.name] = line
            yield spec


def _spec(document: Located, index: int, entry: object, faults: list[Fault]) -> ModelSpec | None:
    place: tuple[str | int, ...] = ("models", index)
    whose = _whose(document.value, place)
    try:
        spec = ModelSpec.model_validate(entry, context={"date": document.value.get("date")})
    except ValidationError as wrong:
        for error in wrong.errors(include_url=False):
            line = document.line_of(
                (*place, *(str(part) if isinstance(part, str) else part for part in error["loc"]))
            )
            faults.append(Fault(line, f"{whose}{_complaint(error)}"))
        return None
    if "default" not in spec.quality:
        line = document.line_of((*place, "quality"))
        faults.append(Fault(line, f"{whose}quality.default is missing; add it"))
        return None
    return spec


def _complaint(error: Any) -> str:
    """Return what pydantic has against a value, with its field."""
    location = error["loc"]
    field = ".".join(str(part) for part in location) or "entry"
    if error["type"] != "extra_forbidden":
        return f"{field}: {error['msg']}"
    owner = PARTS.get(str(location[0]), ModelSpec) if len(location) > 1 else ModelSpec
    return _unknown(field, tuple(owner.model_fields))


def _unknown(field: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(field.rpartition(".")[2], known, n=1)
    return f"{field}: there is no such field; " + (
        f"did you mean {close[0]}?" if close else f"use one of: {', '.join(known)}"
    )


def _whose(content: dict[str, Any], place: tuple[str | int, ...]) -> str:
    """Return which model a place belongs to, ready to be followed by the field."""
    if len(place) < 2 or place[0] != "models" or not isinstance(place[1], int):
        return ""
    entry = content["models"][place[1]]
    named = entry.get("name") if isinstance(entry, dict) else None
    return f"model {named!r}: " if named else f"model number {place[1] + 1}: "


def _field(place: tuple[str | int, ...]) -> str:
    own = place[2:] if place[0] == "models" and len(place) > 1 else place
    return ".".join(str(part) for part in own)
