"""A provider that answers from a file of recorded outcomes: real answers, no network, no bill."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping
from pathlib import Path

from agents.providers.protocol import Prompt, Reply
from schemas.errors import ConfigurationError, ProviderRefused
from schemas.settings import ProviderSettings
from schemas.tokens import estimate_text_tokens
from schemas.wire import Answer, Tokens

PROMPT_COLUMN = "prompt"
GZIP_MAGIC = b"\x1f\x8b"


class Recorded:
    """Answers a prompt as the file does; white space around a prompt does not count.

    Of a chat, what the user said last is looked up. Tokens are estimated from the texts.

    Args:
        name: As configured; named in errors.
        settings: `recording` and `recorded_columns` are read.

    Raises:
        ConfigurationError: A setting is missing, or the file is, or one of its columns.
    """

    def __init__(self, name: str, settings: ProviderSettings) -> None:
        if settings.recording is None:
            raise ConfigurationError(f"providers.{name}.recording is missing; set it to a CSV file")
        if not settings.recorded_columns:
            raise ConfigurationError(
                f"providers.{name}.recorded_columns is missing; set it to a mapping from model name to answer column"
            )
        self._file = settings.recording
        self._answers = _read_answers(name, settings.recording, settings.recorded_columns)

    def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply:
        """Answer at once."""
        del attempt  # the file says the same every time
        answers = self._answers.get(model)
        if answers is None:
            known = ", ".join(self._answers)
            raise ProviderRefused("unknown_model", f"{self._file.name} has no answers of {model}, only of {known}")
        content = answers.get(prompt.question.strip())
        if content is None:
            raise ProviderRefused("unknown_prompt", f"{self._file.name} has no answer of {model} to this prompt")
        return Reply(
            Answer(content, None, "stop"), Tokens(estimate_text_tokens(prompt.text), 0, estimate_text_tokens(content))
        )

    async def close(self) -> None:
        """Nothing is held open."""


def _read_answers(name: str, file: Path, columns: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the answers by model and prompt."""
    try:
        raw = file.read_bytes()
        text = (gzip.decompress(raw) if raw.startswith(GZIP_MAGIC) else raw).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as wrong:
        raise ConfigurationError(f"providers.{name}.recording: {file} cannot be read ({wrong})") from wrong
    rows = csv.DictReader(io.StringIO(text, newline=""))
    for column in (PROMPT_COLUMN, *columns.values()):
        if column not in (rows.fieldnames or ()):
            raise ConfigurationError(
                f"providers.{name}: {file} has no column {column!r}; it has {', '.join(rows.fieldnames or ())}"
            )
    answers: dict[str, dict[str, str]] = {model: {} for model in columns}
    try:
        for row in rows:
            if None in row.values():
                raise ConfigurationError(f"providers.{name}: {file}, line {rows.line_num} is too short")
            for model, column in columns.items():
                answers[model][row[PROMPT_COLUMN].strip()] = row[column]
    except csv.Error as wrong:
        raise ConfigurationError(f"providers.{name}: {file}, line {rows.line_num}: {wrong}") from wrong
    return answers
