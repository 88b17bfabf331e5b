"""Facts from what people write: `--set policy.max_cost_usd=0.05`, or a mapping in a file."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, cast

import yaml
from pydantic import BaseModel, ValidationError

from agents.governance.registry.places import FACTS, Fact, Kind
from schemas.errors import ConfigurationError
from schemas.tenant import TenantLimits

PARTS: Mapping[str, type[BaseModel]] = {"limits": TenantLimits}
"""Parts of facts that pass over fields they do not know, since older readers must; whoever writes them is told."""
OWN = frozenset({"version", "changed_by", "reason", "changed_at", "registered_at", "secret_hash", "signing_key"})
"""Fields that nobody writes by hand."""


class Wrong(Exception):
    """A value cannot be taken.

    Args:
        path: Where it stands in the fact.
        message: What is wrong, naming the field.
    """

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


def fact_of(kind: Kind, content: Mapping[str, Any], filled_in: Mapping[str, Any] | None = None) -> Fact:
    """Return the fact that a mapping says.

    Args:
        kind: What it is about.
        content: What somebody wrote.
        filled_in: Fields that nobody writes by hand.

    Raises:
        Wrong: A field is unknown, missing or has a wrong value; the first one is told.
    """
    model = FACTS[kind]
    _check_names(model, content, ())
    for name, part in PARTS.items():
        if isinstance(content.get(name), Mapping) and name in model.model_fields:
            _check_names(part, content[name], (name,))
    content = {**content, **(filled_in or {})}
    if isinstance(content.get("policy"), Mapping):  # YAML reads an unquoted `off` as false
        content["policy"] = {name: "off" if value is False else value for name, value in content["policy"].items()}
    try:
        return cast("Fact", model.model_validate(content))
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        path = first["loc"]
        field = ".".join(str(part) for part in path)
        if first["type"] == "extra_forbidden":
            raise Wrong(path, f"{field}: there is no such field") from wrong
        raise Wrong(path, f"{field or 'value'}: {first['msg'][:1].lower()}{first['msg'][1:]}") from wrong


def assigned(content: dict[str, Any], settings: Sequence[str], unset: Sequence[str]) -> dict[str, Any]:
    """Return a fact's content with fields set and unset.

    Args:
        content: As JSON has it.
        settings: Each `field=value`, the field dotted, the value YAML.
        unset: Dotted fields that go back to their defaults.

    Raises:
        ConfigurationError: One is not of that form.
    """
    changed = deepcopy(content)
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not path:
            raise ConfigurationError(f"--set {setting!r}: write it as field=value, such as policy.cache=off")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as wrong:
            raise ConfigurationError(f"--set {path}: the value is not YAML; quote it") from wrong
        _holder(changed, path)[path.rpartition(".")[2]] = _meant(value)
    for path in unset:
        _holder(changed, path).pop(path.rpartition(".")[2], None)
    return changed


def _meant(value: Any) -> Any:
    """Return what was meant: YAML reads an amount as a float, which may not be exact."""
    return str(value) if isinstance(value, float) else value


def _holder(content: dict[str, Any], path: str) -> dict[str, Any]:
    for part in path.split(".")[:-1]:
        inner = content.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ConfigurationError(f"--set {path}: {part} has no fields")
        content = inner
    return content


def _check_names(model: type[BaseModel], content: Mapping[str, Any], prefix: tuple[str, ...]) -> None:
    known = [name for name in model.model_fields if name not in OWN]
    for name in content:
        if name in known or name == "version":
            continue
        field = ".".join((*prefix, str(name)))
        close = difflib.get_close_matches(str(name), known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"use one of: {', '.join(known)}"
        said = f"{field}: is filled in by Asahi; leave it out" if name in OWN else f"{field}: no such field; {hint}"
        raise Wrong((*prefix, str(name)), said)
