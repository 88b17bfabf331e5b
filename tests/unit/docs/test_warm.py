"""The lines of answers that the docs show are such lines."""

from __future__ import annotations

import pytest

from agents.cache.warming import given_in
from schemas.models_file import ModelsFile
from schemas.settings import Settings
from tests.unit.docs.fences import Fence, fences

LINES = fences("jsonl")


@pytest.mark.parametrize("fence", LINES, ids=str)
def test_answers_from_elsewhere(fence: Fence) -> None:
    models = ModelsFile(Settings().models_file).load()
    for number, line in enumerate(fence.text.splitlines(), start=1):
        given = given_in(line.encode(), number, "demo", models, 0.0)
        assert given.answer.content


def test_there_are_some() -> None:
    assert LINES
