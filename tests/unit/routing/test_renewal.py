"""A models file that changes while routing runs."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from pathlib import Path

import pytest

from agents.providers.registry import check_models
from agents.routing.agent import Renewal
from agents.routing.expectations import Experience
from agents.routing.stage import RoutingStep
from schemas.models_file import ModelsFile
from schemas.registry import ModelRegistry
from schemas.settings import ProviderSettings, RoutingSettings, Settings
from tests.flow.journeys import NOW, PARIS, a_completion, a_journey, a_passenger

ONE = """
date: "2026-01-31"
models:
  - name: one
    providers: [east]
    context_window: 1000
    quality: {default: 0.5}
    speed: {first_token_ms: 1, tokens_per_second: 1}
    price: {input: 1, output: 2}
"""


class Running:
    """Routing over a models file, with what renews it."""

    def __init__(self, folder: Path, learn_seconds: float = 60.0, reload_seconds: float = 2.0) -> None:
        self.pauses: list[float] = []
        self.path = folder / "models.yaml"
        self.path.write_text(ONE)
        routing = RoutingSettings(learn_seconds=learn_seconds, learn_after=1)
        settings = Settings(models_file=self.path, models_reload_seconds=reload_seconds, routing=routing)
        file = ModelsFile(self.path)
        self.registry: ModelRegistry = file.load()
        self.step = RoutingStep(self.registry, routing)
        self.experience = Experience(routing.learn_after)
        admit = partial(check_models, {"east": ProviderSettings(kind="simulated")})
        self.renewal = Renewal(settings, file, self.registry, self.step, self.experience, admit, self.pause)

    async def pause(self, seconds: float) -> None:
        """Wait for nothing; end at the third pause, since nothing else ends what goes on for ever."""
        self.pauses.append(seconds)
        if len(self.pauses) == 3:
            raise asyncio.CancelledError

    def chosen(self) -> str:
        journey = a_journey()
        self.step.process([journey], NOW)
        return journey.targets[0].model


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(tmp_path)


async def test_a_changed_file_is_taken_over(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    before = running.registry.price_list
    assert running.chosen() == "one"
    assert not await running.renewal.look_at_file()
    running.path.write_text(ONE.replace("name: one", "name: another"))
    with caplog.at_level(logging.INFO):
        assert await running.renewal.look_at_file()
    assert running.chosen() == "another"
    assert running.registry.price_list != before
    assert "the models file has changed" in caplog.messages


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("price:", "prize:", "line 9: model 'one': prize"),
        ("[east]", "[nowhere]", "names provider 'nowhere', which is not configured"),
    ],
)
async def test_a_wrong_file_changes_nothing(
    running: Running, caplog: pytest.LogCaptureFixture, old: str, new: str, problem: str
) -> None:
    before = running.registry.price_list
    running.path.write_text(ONE.replace(old, new))
    assert not await running.renewal.look_at_file()
    assert (running.chosen(), running.registry.price_list) == ("one", before)
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert problem in record.__dict__["problem"]
    assert not await running.renewal.look_at_file()
    assert len(caplog.records) == 1


async def test_it_is_looked_at_after_every_pause(running: Running) -> None:
    running.path.write_text(ONE.replace("name: one", "name: another"))
    with pytest.raises(asyncio.CancelledError):
        await running.renewal.follow_file()
    assert running.pauses == [2.0, 2.0, 2.0]
    assert running.chosen() == "another"


async def test_experience_is_expected_after_every_pause(running: Running) -> None:
    running.experience.observe(a_completion(a_passenger(), answer=PARIS))
    with pytest.raises(asyncio.CancelledError):
        await running.renewal.follow_experience()
    assert running.pauses == [60.0, 60.0, 60.0]
    assert running.step._router._expectations.output_tokens == {("big", None): 200}


async def test_nothing_is_followed_when_it_is_switched_off(tmp_path: Path) -> None:
    running = Running(tmp_path, learn_seconds=0, reload_seconds=0)
    await running.renewal.follow_experience()
    await running.renewal.follow_file()
    assert running.pauses == []
    running.path.write_text(ONE.replace("name: one", "name: another"))
    assert await running.renewal.look_at_file()
    assert running.chosen() == "another"
