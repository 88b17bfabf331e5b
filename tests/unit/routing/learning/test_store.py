from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.routing.learning.learned import Learned
from agents.routing.learning.predictor import Grade
from agents.routing.learning.store import load, save
from schemas.errors import ConfigurationError
from streams.weights import MANIFEST, WEIGHTS
from tests.unit.routing.graded import WordHashes

PROMPTS = ["leaf root", "ring ideal 7"]


@pytest.fixture
def folder(learned: Learned, tmp_path: Path) -> Path:
    save(learned, tmp_path / "model")
    return tmp_path / "model"


def test_what_is_read_predicts_as_what_was_written(learned: Learned, folder: Path) -> None:
    read = load(folder)
    ours, theirs = learned.predictor(WordHashes()), read.predictor(WordHashes())
    assert np.array_equal(ours.predict(PROMPTS, [None, None]), theirs.predict(PROMPTS, [None, None]))
    assert read.calibration == learned.calibration
    assert read.scorer is not None
    assert learned.scorer is not None
    assert np.array_equal(read.scorer.weights, learned.scorer.weights)


def test_what_grades_taught_is_kept(learned: Learned, folder: Path) -> None:
    predictor = load(folder).predictor(WordHashes())
    predictor.learn([Grade("leaf root", "small", 0.0)] * 20)
    read = load(folder)
    save(replace(read, knowledge=predictor.knowledge), folder)
    again = load(folder).predictor(WordHashes())
    assert np.array_equal(again.predict(PROMPTS, [None, None]), predictor.predict(PROMPTS, [None, None]))


def test_names_of_the_models_file_are_kept_for_routing_alone(learned: Learned, tmp_path: Path) -> None:
    save(replace(learned, names={"small": "mixtral-8x7b"}), tmp_path)
    read = load(tmp_path)
    assert read.predictor(WordHashes()).models == ("small", "large")
    assert read.router(WordHashes()).models == ("mixtral-8x7b", "large")


def test_a_folder_written_before_there_were_names_is_read(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    del manifest["names"]
    (folder / MANIFEST).write_text(json.dumps(manifest))
    assert load(folder).names == {}


def test_without_a_cascade(learned: Learned, tmp_path: Path) -> None:
    save(replace(learned, scorer=None), tmp_path)
    assert load(tmp_path).scorer is None


def test_nothing_is_pickled(folder: Path) -> None:
    with np.load(folder / WEIGHTS, allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays.files)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version is 2, not 1"),
        ({"format": "other"}, "format is not 'asahi-router'"),
        ({"features": ["length"]}, "features are others"),
        ({"sha256": "0"}, "checksum is not the manifest's"),
        ({"models": ["small"]}, "stack has shape (2, 3), not (1, 3)"),
        ({"cascade": {"model": "small", "signals": []}}, "signals of an answer are others"),
        ({"calibration": {"small": {"graded": 1}}}, "do not fit together"),
        ({"sha256": None}, "'sha256' is missing"),
    ],
)
def test_a_wrong_manifest_says_what_is_wrong(folder: Path, change: dict[str, Any], message: str) -> None:
    manifest = json.loads((folder / MANIFEST).read_text()) | change
    (folder / MANIFEST).write_text(json.dumps({name: value for name, value in manifest.items() if value is not None}))
    with pytest.raises(ConfigurationError) as raised:
        load(folder)
    assert message in str(raised.value)


def test_damaged_and_missing_files_are_named(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"no archive")
    with pytest.raises(ConfigurationError, match=r"weights\.npz: its checksum"):
        load(folder)
    (folder / WEIGHTS).unlink()
    with pytest.raises(ConfigurationError, match=r"weights\.npz"):
        load(folder)
    (folder / MANIFEST).write_text("{")
    with pytest.raises(ConfigurationError, match="not JSON"):
        load(folder)
    (folder / MANIFEST).unlink()
    with pytest.raises(ConfigurationError, match="name a folder that asahi router fit has written"):
        load(folder)


def test_a_folder_that_cannot_be_written_is_named(learned: Learned, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="name a folder that can be written"):
        save(learned, tmp_path / "file")
