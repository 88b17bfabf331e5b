from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from agents.routing.learning.outcomes import held_out, prompt_keys, read_outcomes, read_table, strongest, weakest
from schemas.errors import ConfigurationError
from tests.unit.routing.graded import made_up, write


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    outcomes = made_up(9, answers=True)
    read = read_outcomes([write(outcomes, tmp_path / "a.csv.gz")])
    assert read.prompts == outcomes.prompts
    assert read.topics == outcomes.topics
    assert read.answers == outcomes.answers
    assert np.array_equal(read.right, outcomes.right)


def test_files_of_different_columns_are_joined(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("prompt,a_correct\nx,True\n")
    (tmp_path / "two.csv").write_text("prompt,b_correct,b_answer,subject\ny,0,no,law\nz,,,\n")
    read = read_outcomes([tmp_path / "one.csv", tmp_path / "two.csv"])
    assert read.models == ("a", "b")
    assert np.array_equal(read.right, [[1, np.nan], [np.nan, 0], [np.nan, np.nan]], equal_nan=True)
    assert read.answers == {"b": (None, "no", None)}
    assert read.topics == ("one", "law", "two")
    assert read.answered("b").tolist() == [False, True, False]
    assert not read.answered("a").any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("question,a_correct\nx,True\n", "column 'prompt' is missing"),
        ("prompt\nx\n", "no column ends in '_correct'"),
        ("prompt,a_correct\n", "no rows below the header"),
        ("prompt,a_correct\nx,perhaps\n", "row 0, a_correct: 'perhaps' is no grade"),
        ("prompt,a_correct\nx\n", "row 0 has not as many fields"),
        ("prompt,a_correct\nx,True,more\n", "row 0 has not as many fields"),
    ],
)
def test_a_wrong_file_is_named_with_its_fault(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "wrong.csv").write_text(text)
    with pytest.raises(ConfigurationError, match=r"wrong\.csv") as raised:
        read_outcomes([tmp_path / "wrong.csv"])
    assert message in str(raised.value)


@pytest.mark.parametrize("raw", [b"\xff\xfe\x00", gzip.compress(b"prompt\nx\n", mtime=0)[:-6]])
def test_unreadable_bytes_are_named(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "raw.csv.gz").write_bytes(raw)
    with pytest.raises(ConfigurationError, match="give a CSV file in UTF-8"):
        read_table(tmp_path / "raw.csv.gz")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.csv"):
        read_table(tmp_path / "none.csv")


def test_the_split_depends_on_the_prompt_alone_and_is_about_even() -> None:
    prompts = [f"prompt {number}" for number in range(400)]
    test = held_out(prompts)
    assert 150 < test.sum() < 250
    assert held_out(prompts[::-1]).tolist() == test.tolist()[::-1]


def test_keys_are_the_same_everywhere() -> None:
    assert prompt_keys(["a", "b", "a"]).tolist() == [
        prompt_keys(["a"])[0],
        prompt_keys(["b"])[0],
        prompt_keys(["a"])[0],
    ]


def test_models_are_told_apart_by_their_share_of_right_answers() -> None:
    assert (weakest(made_up()), strongest(made_up())) == ("small", "large")
