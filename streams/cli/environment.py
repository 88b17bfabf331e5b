"""Handing settings to a child process: as the environment variables they are read from."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
from pydantic import BaseModel, SecretStr

from schemas.settings import Settings

SOURCES = Path(__file__).resolve().parents[2]


def environment_of(settings: Settings) -> dict[str, str]:
    """Return this process's environment with every setting spelled out: a child needs no file and no folder of ours.

    Relative paths become absolute, since a child may run elsewhere. Secrets go as they always do, by environment.
    """
    variables = dict(os.environ)
    variables.pop("ASAHI_CONFIG", None)  # everything in it is spelled out here
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            for key in type(value).model_fields:
                _set(variables, f"ASAHI_{name}_{key}", getattr(value, key))
        else:
            _set(variables, f"ASAHI_{name}", value)
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(SOURCES), os.environ.get("PYTHONPATH")]))
    return variables


def _set(variables: dict[str, str], name: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
    elif isinstance(value, Path):
        text = str(value.absolute())
    elif isinstance(value, (str, int, float)):
        text = str(value)
    else:
        text = orjson.dumps(value, default=_plain).decode()
    variables[name.upper()] = text


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return {key: getattr(value, key) for key in type(value).model_fields}
    if isinstance(value, Path):
        return str(value.absolute())
    return str(value)
