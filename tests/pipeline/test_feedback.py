"""Grades change the choice: what people say about answers of one kind sends that kind to another model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from agents.routing.learning.agent import Sharpening
from agents.routing.learning.feedback import Answered, grades_of
from agents.routing.learning.fitting import fit_router
from agents.routing.learning.predictor import Grade, LearnedPredictor
from agents.routing.learning.store import save
from schemas.feedback import Feedback
from schemas.settings import RoutingSettings
from streams.embedding import EmbeddingEngine
from streams.envelope import Publication
from streams.partitioning import home_partition
from streams.topics import FEEDBACK, REQUESTS
from tests.memory.cluster import Cluster
from tests.pipeline.rig import PARTITIONS, Rig, ask, settings, until
from tests.unit.providers.virtual_time import run
from tests.unit.routing.graded import made_up

BOTANY = ["leaf root flower seed leaf botany", "seed flower root botany", "flower leaf seed botany leaf root"]
GRADES = 60


class LoggedGrades:
    """What the archive would say: the grades on the log with their requests and results, each once."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._read = 0

    async def new(self) -> list[Grade]:
        values = [record.value or b"" for record in self._rig.broker.topic(FEEDBACK.name)][self._read :]
        self._read += len(values)
        prompts = {
            document["id"]: document["prompt"]
            for record in self._rig.broker.topic(REQUESTS.name)
            for document in [msgspec.json.decode(record.value or b"")]
        }
        answered = {
            (result["tenant"], name): Answered(prompts[name], result["model"])
            for name, [result] in self._rig.results().items()
        }
        return grades_of(map(Feedback.model_validate_json, values), answered, {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A predictor that knows the small model to be good at botany, and nothing of the middle one."""
    place = tmp_path_factory.mktemp("router")
    save(replace(fit_router(made_up(), EmbeddingEngine(), seed=1), names={"large": "big"}), place)
    return place


async def answered(cluster: Cluster, rig: Rig, name: str) -> None:
    """Send the prompts and wait for their results."""
    for number, prompt in enumerate(BOTANY):
        cluster.submit(ask(f"{name}-{number}", prompt=prompt, cache={"directive": "bypass"}), "acme")
    await until(lambda: all(f"{name}-{number}" in rig.results() for number in range(len(BOTANY))))


def grade(rig: Rig, requests: Sequence[str], mark: float) -> None:
    """Grade the answers to these requests."""
    events = [
        Feedback(id=f"g{number}", request_id=name, tenant="acme", grade=mark) for number, name in enumerate(requests)
    ]
    values = [Publication(event.model_dump_json().encode(), b"acme") for event in events]
    rig.broker.append(FEEDBACK.name, home_partition("acme", PARTITIONS), values)


def test_grades_of_one_kind_of_prompt_change_its_choice(folder: Path) -> None:
    async def test() -> Rig:
        rig = Rig(settings(routing=RoutingSettings(model_dir=folder, min_quality=0.7)))
        cluster = rig.cluster()
        worker = await cluster.join()
        await answered(cluster, rig, "before")
        predictor = worker.stages.predictor
        assert isinstance(predictor, LearnedPredictor)
        grade(rig, [f"before-{number % len(BOTANY)}" for number in range(GRADES)], 0.0)
        assert await Sharpening(LoggedGrades(rig), predictor, 1.0).look() == GRADES
        await answered(cluster, rig, "after")
        await cluster.drained()
        return rig

    rig = run(test())
    models = {name: result["model"] for name, [result] in rig.results().items()}
    assert {models[f"before-{number}"] for number in range(len(BOTANY))} == {"small"}
    assert {models[f"after-{number}"] for number in range(len(BOTANY))} == {"middle"}
