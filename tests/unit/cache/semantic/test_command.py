from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from agents.cache.evaluation.command import COLUMNS
from agents.cache.semantic import training
from agents.cache.semantic.generated.pairs import hard_pairs
from streams.cli.app import run

RECORDED = Path(__file__).parents[5] / "shared" / "data" / "question_pairs.csv.gz"
SOME = 400
PAIRS = [
    ("How do I peel an egg?", "How can I peel an egg?"),
    ("Fly from Rome to Oslo", "Fly from Oslo to Rome"),
    ("What is the capital of Chad?", "How do you peel an egg?"),
]


def write_pairs(file: Path, pairs: list[tuple[Any, ...]], *columns: str) -> Path:
    text = "\n".join([",".join(columns), *(",".join(f'"{value}"' for value in pair) for pair in pairs)])
    file.write_bytes(gzip.compress(text.encode()) if file.suffix == ".gz" else text.encode())
    return file


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "pairs.csv.gz", PAIRS, "question_a", "question_b")


def evaluate(*arguments: object) -> int:
    return run(["evaluate", "cache", *map(str, arguments)])


def lines(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as opened:
        reader = csv.DictReader(opened)
        assert tuple(reader.fieldnames or ()) == COLUMNS
        return list(reader)


def test_every_second_question_is_looked_up_among_all_first_ones(pairs: Path) -> None:
    output = pairs.with_name("out.csv")
    assert evaluate("--pairs", pairs, "--output", output) == 0
    first, second, third = lines(output)
    assert [first["row"], first["hit"], first["matched_row"]] == ["0", "1", "0"]
    assert float(first["pair_probability"]) == pytest.approx(float(first["hit_probability"]), abs=1e-3)
    assert second["hit"] == "0"
    assert float(second["similarity"]) == pytest.approx(1, abs=1e-3)
    assert [third["hit"], third["matched_row"]] == ["1", "0"]
    assert float(third["pair_probability"]) < 0.5 < float(third["hit_probability"])


def test_a_hit_is_as_probable_as_the_bound_asks(pairs: Path) -> None:
    output = pairs.with_name("out.csv")
    for delta in (0.001, 0.02, 0.5):
        assert evaluate("--pairs", pairs, "--output", output, "--delta", delta) == 0
        assert all((line["hit"] == "1") == (float(line["hit_probability"]) >= 1 - delta) for line in lines(output))


def test_labels_are_not_read(pairs: Path, tmp_path: Path) -> None:
    labelled = [(*pair, "nonsense") for pair in PAIRS]
    other = write_pairs(tmp_path / "labelled.csv", labelled, "question_a", "question_b", "same_meaning")
    for file, output in ((pairs, "one.csv"), (other, "two.csv")):
        assert evaluate("--pairs", file, "--output", tmp_path / output) == 0
    assert (tmp_path / "one.csv").read_text() == (tmp_path / "two.csv").read_text()


def test_questions_without_words_miss(tmp_path: Path) -> None:
    file = write_pairs(tmp_path / "pairs.csv", [("Who?", ""), ("How high is it?", "!")], "question_a", "question_b")
    assert evaluate("--pairs", file, "--output", tmp_path / "out.csv") == 0
    assert [line["hit"] for line in lines(tmp_path / "out.csv")] == ["0", "0"]


def test_a_verifier_is_fitted_into_a_folder_and_measured(
    tmp_path: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "PARTS": 2,
        "NETWORKS": 1,
        "ROUNDS": 3,
        "PEOPLES": training.Labels(20, 0.05, width=8, decay=1.0),
    }.items():
        monkeypatch.setattr(training, name, value)
    made = [
        (pair.first.replace('"', "'"), pair.second.replace('"', "'"), pair.same)
        for pair in hard_pairs("fit", SOME, 1)
    ]
    file = write_pairs(tmp_path / "labelled.csv.gz", made, "question_a", "question_b", "right")
    model, output = tmp_path / "model", tmp_path / "out.csv"
    assert evaluate("--fit", file, "--label", "right", "--model-dir", model, "--json") == 0
    assert json.loads(capsys.readouterr().out)["fitted"]["pairs"] == SOME
    assert evaluate("--pairs", pairs, "--output", output, "--model-dir", model, "--json") == 0
    shown = json.loads(capsys.readouterr().out)["measured"]
    assert shown["hits"] == sum(line["hit"] == "1" for line in lines(output))


@pytest.mark.parametrize(
    ("columns", "option", "said"),
    [
        (("question_b", "same_meaning"), "--pairs", "column 'question_a' is missing"),
        (("question_a", "same_meaning"), "--pairs", "column 'question_b' is missing"),
        (("question_a", "question_b"), "--fit", "column 'same_meaning' is missing"),
    ],
)
def test_a_missing_column_is_named(
    columns: tuple[str, ...], option: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_pairs(tmp_path / "pairs.csv", [("x", "y")], *columns)
    assert evaluate(option, file, "--output" if option == "--pairs" else "--model-dir", tmp_path / "out") == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a file with --pairs"),
        (["--pairs", "here.csv"], "--pairs and --output belong together"),
        (["--fit", "here.csv"], "--model-dir is missing; name the folder"),
        (["--pairs", "nowhere.csv", "--output", "out.csv"], "--pairs nowhere.csv"),
    ],
)
def test_what_is_missing_is_said(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(*arguments) == 2
    assert said in capsys.readouterr().err


def test_a_label_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_pairs(tmp_path / "p.csv", [("x", "y", "maybe")], "question_a", "question_b", "same_meaning")
    assert evaluate("--fit", file, "--model-dir", tmp_path / "model") == 2
    assert "row 0, same_meaning: 'maybe' is no label" in capsys.readouterr().err


@pytest.mark.skipif(not RECORDED.exists(), reason="needs shared/data")
def test_recorded_pairs_are_told_apart_by_the_shipped_verifier(tmp_path: Path) -> None:
    with gzip.open(RECORDED, "rt", newline="") as opened:
        rows = list(csv.DictReader(opened))[:4000]
    columns = ("question_a", "question_b")
    plain = [tuple(row[column].replace('"', "'") for column in columns) for row in rows]
    file = write_pairs(tmp_path / "pairs.csv", plain, *columns)
    assert evaluate("--pairs", file, "--output", tmp_path / "out.csv") == 0
    own = [
        (line, row["same_meaning"] == "1")
        for line, row in zip(lines(tmp_path / "out.csv"), rows, strict=True)
        if line["hit"] == "1" and line["matched_row"] == line["row"]
    ]
    assert len(own) > 20
    assert sum(same for _, same in own) / len(own) > 0.8  # labels by people are themselves wrong now and then
