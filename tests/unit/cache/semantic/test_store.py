from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.cache.semantic.store import SHIPPED, load, save
from agents.cache.semantic.verifier import Question, Verifier
from schemas.errors import ConfigurationError
from streams.embedding import EmbeddingEngine
from streams.weights import MANIFEST, WEIGHTS

PAIR = ([Question("How do I peel an egg?")], [Question("How can I peel eggs?")])


def test_what_is_written_is_read_again(engine: EmbeddingEngine, verifier: Verifier, tmp_path: Path) -> None:
    save(verifier.judgement, tmp_path / "new" / "folder", {"pairs": 1})
    again = Verifier(load(tmp_path / "new" / "folder", engine.name), engine)
    assert again.probabilities(*PAIR) == pytest.approx(verifier.probabilities(*PAIR))


def test_the_shipped_one_is_small() -> None:
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 200_000


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda manifest: manifest | {"format": "other"}, "format is not"),
        (lambda manifest: manifest | {"version": 99}, "version is 99"),
        (lambda manifest: manifest | {"embedding": "other"}, "embedding is 'other'"),
        (lambda manifest: manifest | {"features": []}, "its features are others"),
        (lambda manifest: manifest | {"sha256": "0"}, "checksum"),
    ],
)
def test_what_does_not_fit_is_refused(
    change: Callable[[dict[str, Any]], dict[str, Any]], said: str, engine: EmbeddingEngine, tmp_path: Path
) -> None:
    shutil.copytree(SHIPPED, tmp_path, dirs_exist_ok=True)
    file = tmp_path / MANIFEST
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    with pytest.raises(ConfigurationError, match=said):
        load(tmp_path, engine.name)


def test_what_is_missing_or_broken_is_said(engine: EmbeddingEngine, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name a folder that asahi evaluate cache --fit has written"):
        load(tmp_path, engine.name)
    (tmp_path / MANIFEST).write_text("{")
    with pytest.raises(ConfigurationError, match="not JSON"):
        load(tmp_path, engine.name)
    shutil.copy(SHIPPED / MANIFEST, tmp_path)
    with pytest.raises(ConfigurationError, match=WEIGHTS):
        load(tmp_path, engine.name)


def test_a_folder_that_cannot_be_written_is_said(verifier: Verifier, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="name a folder that can be written"):
        save(verifier.judgement, tmp_path / "file" / "folder", {})
