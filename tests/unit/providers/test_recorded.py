from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from agents.providers.protocol import ChatMessage, Prompt
from agents.providers.recorded import Recorded
from schemas.errors import ConfigurationError, ProviderRefused
from schemas.wire import Answer, Tokens
from tests.unit.providers.calls import settings

FILE = 'prompt,small_answer,big_answer\n" What is 1+1?",3,2\n"Two\nlines, ""quoted""",no,"yes\nindeed "\n'
COLUMNS = {"small": "small_answer", "big": "big_answer"}


def recorded(file: Path, columns: dict[str, str] | None = None) -> Recorded:
    return Recorded("files", settings("recorded", recording=file, recorded_columns=columns or COLUMNS))


@pytest.fixture(params=["plain", "gzipped", "with a byte order mark"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "outcomes.csv"
    raw = FILE.encode("utf-8-sig" if request.param == "with a byte order mark" else "utf-8")
    path.write_bytes(gzip.compress(raw) if request.param == "gzipped" else raw)
    return path


async def test_each_model_answers_from_its_column(file: Path) -> None:
    provider = recorded(file)
    small = provider.complete(Prompt("r1", prompt="What is 1+1?\n"), "small", 1)
    assert small.answer == Answer("3", None, "stop")
    assert small.tokens == Tokens(3, 0, 1)
    big = provider.complete(Prompt("r1", prompt='Two\nlines, "quoted"'), "big", 7)
    assert big.answer.content == "yes\nindeed "
    await provider.close()


def test_of_a_chat_the_last_question_is_looked_up(file: Path) -> None:
    messages = [ChatMessage("system", "Be right."), ChatMessage("user", "What is 1+1?")]
    assert recorded(file).complete(Prompt("r1", messages=messages), "big", 1).answer.content == "2"


async def test_of_several_files_each_has_its_own_kind_of_columns(file: Path, tmp_path: Path) -> None:
    outcomes = tmp_path / "only_outcomes.csv"
    outcomes.write_text("prompt,small_correct,big_correct\nWho?,False,True\nWhat?,0,unknown\n")
    files = settings("recorded", recording=(file, outcomes), recorded_columns={"small": "small", "big": "big"})
    provider = Recorded("files", files)

    def answer(prompt: str, model: str) -> str | None:
        return provider.complete(Prompt("r1", prompt=prompt), model, 1).answer.content

    assert [answer("What is 1+1?", model) for model in ("small", "big")] == ["3", "2"]
    assert [answer("Who?", model) for model in ("small", "big")] == ["wrong", "right"]
    assert [answer("What?", model) for model in ("small", "big")] == ["wrong", "unknown"]
    with pytest.raises(ProviderRefused, match=r"outcomes\.csv, only_outcomes\.csv has no answer"):
        answer("Whose?", "big")


@pytest.mark.parametrize(
    ("prompt", "model", "message"),
    [
        ("What is 2+2?", "big", "outcomes.csv has no answer of big to this prompt"),
        ("What is 1+1?", "huge", "outcomes.csv has no answers of huge, only of small, big"),
    ],
)
def test_what_was_not_recorded_is_refused(file: Path, prompt: str, model: str, message: str) -> None:
    with pytest.raises(ProviderRefused, match=message):
        recorded(file).complete(Prompt("r1", prompt=prompt), model, 1)


def test_settings_must_name_the_file_and_the_columns(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"providers\.files\.recording is missing"):
        Recorded("files", settings("recorded"))
    with pytest.raises(ConfigurationError, match=r"providers\.files\.recorded_columns is missing"):
        Recorded("files", settings("recorded", recording=tmp_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"\x1f\x8bnot gzip", "cannot be read"),
        (gzip.compress(FILE.encode(), mtime=0)[:-20], "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"", "no column 'prompt'"),
        (b"prompt,small_answer\na,b\n", "no column 'big_answer'; it has prompt, small_answer"),
        (b"prompt,small_answer,big_answer\na,b,\n" + b"x" * 200_000, "line 2: field larger"),
        (b"prompt,small_answer,big_answer\na,b\n", "line 2 is too short"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "wrong.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message) as raised:
        recorded(path)
    assert "wrong.csv" in str(raised.value)
