from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agents.routing.tasks.cue_detector import RIDGE, CueDetector
from agents.routing.tasks.cues import FEATURES, FEW, HEAD, SHORT, cues, marks
from agents.routing.tasks.examples import read_examples
from agents.routing.tasks.least_squares import fit_types
from schemas.errors import ConfigurationError

HELD_OUT = Path(__file__).with_name("held_out.yaml")


@pytest.fixture(scope="module")
def detector() -> CueDetector:
    return CueDetector(read_examples())


def test_prompts_it_has_not_seen_are_mostly_recognised(detector: CueDetector) -> None:
    held_out = read_examples(HELD_OUT)
    truth = [task_type for task_type, prompts in held_out.items() for _ in prompts]
    found = detector.detect([prompt for prompts in held_out.values() for prompt in prompts])
    right = np.array([detection.task_type == expected for detection, expected in zip(found, truth, strict=True)])
    confidence = np.array([detection.confidence for detection in found])
    assert right.mean() >= 0.75
    assert right[confidence >= 0.7].mean() >= 0.85
    assert abs(confidence.mean() - right.mean()) < 0.15


def test_sums_worked_out_beforehand_are_those_of_the_fit(detector: CueDetector) -> None:
    prompts = ["", "?", "Solve 1 2 3 4 5 6 7 8 9", "translate " * 9, "word " * 400, "```def f(): ...```\nA. x\nB. y"]
    examples = read_examples()
    seen = [prompt for some in examples.values() for prompt in some]
    shares = fit_types(cues(seen), [*map(len, examples.values())], RIDGE).shares(cues(prompts))
    for row, detection in zip(shares, detector.detect(prompts), strict=True):
        assert detection.task_type == detector.task_types[int(row.argmax())]
        assert detection.confidence == pytest.approx(float(row.max()))


def test_marks_hold_counts_and_the_number_of_words() -> None:
    found = dict(zip(FEATURES, marks("Translate 12 and 13 into French"), strict=True))
    assert (found["translation"], found["numbers"], found["short"]) == (3 + FEW, 2, 6)
    assert marks("") == [0] * len(FEATURES)
    assert marks("x " * HEAD)[SHORT] < HEAD


def test_too_few_examples_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="1 task types are too few"):
        CueDetector({"coding": ["a", "b"]})
