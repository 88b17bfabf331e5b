"""Prompts by task type: what detectors learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from schemas.errors import ConfigurationError

EXAMPLES = Path(__file__).with_name("examples.yaml")
LEAST_TYPES = 2
LEAST_EXAMPLES = 2
_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
"""The shipped file takes PyYAML's own parser 35 ms and libyaml 2, and every worker reads it at its start."""


def read_examples(file: Path = EXAMPLES) -> dict[str, list[str]]:
    """Read prompts by task type from a YAML file.

    Raises:
        ConfigurationError: It cannot be read, or does not map task types to lists of prompts.
    """
    try:
        examples = yaml.load(file.read_text(encoding="utf-8"), _LOADER)  # noqa: S506 - a safe one
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as wrong:
        raise ConfigurationError(f"{file}: {wrong}; give a YAML file of prompts by task type") from wrong
    if not isinstance(examples, dict):
        raise ConfigurationError(f"{file}: not a mapping; give lists of prompts by task type")
    for task_type, prompts in examples.items():
        if not isinstance(prompts, list) or not all(isinstance(prompt, str) for prompt in prompts):
            raise ConfigurationError(f"{file}: {task_type}: not a list of texts; quote each prompt")
    return examples


def check_examples(examples: Mapping[str, Sequence[str]]) -> None:
    """Check that there is enough to learn from.

    Raises:
        ConfigurationError: There are not two types, or a type has not two examples.
    """
    if len(examples) < LEAST_TYPES:
        raise ConfigurationError(
            f"{len(examples)} task types are too few to tell apart; give examples of two or more"
        )
    for task_type, prompts in examples.items():
        if len(prompts) < LEAST_EXAMPLES:
            raise ConfigurationError(f"task type {task_type!r} has {len(prompts)} examples; give two or more")
