from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest

from agents.routing.tasks.cues import FEATURES, cues
from agents.routing.tasks.detector import TaskTypeDetector
from agents.routing.tasks.examples import read_examples
from schemas.errors import ConfigurationError
from streams.embedding import EmbeddingEngine
from tests.unit.routing.graded import WordHashes

HELD_OUT = Path(__file__).with_name("held_out.yaml")
DATA = Path(__file__).parents[5] / "shared" / "data"


@pytest.fixture(scope="module")
def detector() -> TaskTypeDetector:
    return TaskTypeDetector(EmbeddingEngine(), read_examples())


def test_prompts_it_has_not_seen_are_mostly_recognised(detector: TaskTypeDetector) -> None:
    held_out = read_examples(HELD_OUT)
    assert set(held_out) == set(detector.task_types)
    truth = [task_type for task_type, prompts in held_out.items() for _ in prompts]
    found = detector.detect([prompt for prompts in held_out.values() for prompt in prompts])
    right = np.array([detection.task_type == expected for detection, expected in zip(found, truth, strict=True)])
    confidence = np.array([detection.confidence for detection in found])
    assert right.mean() >= 0.8
    assert confidence[right].mean() > confidence[~right].mean() + 0.15
    assert abs(confidence.mean() - right.mean()) < 0.15


def test_the_held_out_prompts_are_none_of_the_examples() -> None:
    seen = {prompt for prompts in read_examples().values() for prompt in prompts}
    assert not seen & {prompt for prompts in read_examples(HELD_OUT).values() for prompt in prompts}


def test_school_maths_is_mathematics(detector: TaskTypeDetector) -> None:
    file = DATA / "gsm8k_outcomes.csv.gz"
    if not file.exists():
        pytest.skip("the recorded outcomes are not here")
    text = gzip.decompress(file.read_bytes()).decode()
    prompts = [row["prompt"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    found = detector.detect(prompts)
    assert sum(detection.task_type == "mathematics" for detection in found) > 0.9 * len(prompts)


def test_an_empty_prompt_and_none_at_all(detector: TaskTypeDetector) -> None:
    assert detector.detect([]) == []
    (empty,) = detector.detect([""])
    assert 0 < empty.confidence <= 1


def test_cues_look_at_both_ends_only() -> None:
    middle = "word " * 100 + "translate " + "word " * 100
    rows = cues([middle, middle + "translate", "translate"])
    kind = FEATURES.index("translation")
    assert rows[0, kind] == 0 < rows[1, kind] < rows[2, kind]
    assert cues([]).shape == (0, len(FEATURES))


def test_too_few_types_or_examples_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="1 task types are too few"):
        TaskTypeDetector(WordHashes(), {"coding": ["a", "b"]})
    with pytest.raises(ConfigurationError, match="'talk' has 1 examples"):
        TaskTypeDetector(WordHashes(), {"coding": ["a", "b"], "talk": ["c"]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "not a mapping"),
        ("coding: no\n", "coding: not a list"),
        ("coding: [1]\n", "coding: not a list"),
        ("{", "YAML"),
    ],
)
def test_a_wrong_file_of_examples_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "examples.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"examples\.yaml") as raised:
        read_examples(tmp_path / "examples.yaml")
    assert message in str(raised.value)
