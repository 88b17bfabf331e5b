"""A provider that answers from files of recorded outcomes: real answers, no network, no bill."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from agents.providers.protocol import Prompt, Reply
from schemas.errors import ConfigurationError, ProviderRefused
from schemas.settings import ProviderSettings
from schemas.tokens import estimate_text_tokens
from schemas.wire import Answer, Tokens

PROMPT_COLUMN = "prompt"
ANSWER = "_answer"
OUTCOME = "_correct"
VERDICTS = {"true": "right", "1": "right", "false": "wrong", "0": "wrong"}
"""What is answered where only the outcome was recorded."""
GZIP_MAGIC = b"\x1f\x8b"


class Recorded:
    """Answers a prompt as the files do; white space around a prompt does not count.

    Of a chat, what the user said last is looked up. Tokens are estimated from the texts. Where a file says only
    whether a model was right, that word is the answer.

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
        files = (settings.recording,) if isinstance(settings.recording, Path) else settings.recording
        self._files = ", ".join(file.name for file in files)
        self._answers: dict[str, dict[str, str]] = {model: {} for model in settings.recorded_columns}
        for file in files:
            for model, answers in _read_answers(name, file, settings.recorded_columns).items():
                self._answers[model].update(answers)

    def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply:
        """Answer at once."""
        del attempt  # the file says the same every time
        answers = self._answers.get(model)
        if answers is None:
            known = ", ".join(self._answers)
            raise ProviderRefused("unknown_model", f"{self._files} has no answers of {model}, only of {known}")
        content = answers.get(prompt.question.strip())
        if content is None:
            raise ProviderRefused("unknown_prompt", f"{self._files} has no answer of {model} to this prompt")
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
    present = tuple(rows.fieldnames or ())
    if PROMPT_COLUMN not in present:
        raise _missing(name, file, PROMPT_COLUMN, present)
    found = {model: _column(name, file, column, present) for model, column in columns.items()}
    answers: dict[str, dict[str, str]] = {model: {} for model in columns}
    try:
        for row in rows:
            if None in row.values():
                raise ConfigurationError(f"providers.{name}: {file}, line {rows.line_num} is too short")
            for model, column in found.items():
                answers[model][row[PROMPT_COLUMN].strip()] = _answer(column, row[column])
    except csv.Error as wrong:
        raise ConfigurationError(f"providers.{name}: {file}, line {rows.line_num}: {wrong}") from wrong
    return answers


def _column(name: str, file: Path, column: str, present: Sequence[str]) -> str:
    """Return the column that is there for the one that was named."""
    for candidate in (column, column + ANSWER, column + OUTCOME):
        if candidate in present:
            return candidate
    raise _missing(name, file, column, present)


def _missing(name: str, file: Path, column: str, present: Sequence[str]) -> ConfigurationError:
    return ConfigurationError(f"providers.{name}: {file} has no column {column!r}; it has {', '.join(present)}")


def _answer(column: str, written: str) -> str:
    return VERDICTS.get(written.strip().lower(), written) if column.endswith(OUTCOME) else written
