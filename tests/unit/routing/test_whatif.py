from __future__ import annotations

from pathlib import Path

import click
import pytest

from agents.routing.whatif import _with_options, other_configuration
from schemas.errors import ConfigurationError
from schemas.request import Strategy
from schemas.settings import RoutingSettings, Settings
from streams.cli.moments import Span

SETTINGS = Settings(routing=RoutingSettings(min_quality=0.6, expected_output_tokens=9))


@pytest.mark.parametrize(
    ("said", "seconds"), [("90m", 5400), ("12h", 43_200), ("7d", 604_800), ("1w", 604_800), (5, 5)]
)
def test_lengths_of_time(said: str, seconds: int) -> None:
    assert Span().convert(said, None, None) == seconds


@pytest.mark.parametrize("said", ["7", "d", "1.5h", "7 days"])
def test_what_is_no_length_of_time(said: str) -> None:
    with pytest.raises(click.BadParameter, match="write one such as 90m"):
        Span().convert(said, None, None)


def test_without_a_file_nothing_changes() -> None:
    assert other_configuration(SETTINGS, None) == (SETTINGS.models_file, SETTINGS.routing)


def test_a_models_file_changes_the_models_alone(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text("date: 2026\nmodels: []\n")
    assert other_configuration(SETTINGS, file) == (file, SETTINGS.routing)


def test_a_configuration_changes_what_it_says(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("models_file: other.yaml\nrouting: {min_quality: 0.9}\ntenants: []\n")
    models, routing = other_configuration(SETTINGS, file)
    assert models == Path("other.yaml")
    assert (routing.min_quality, routing.expected_output_tokens) == (0.9, 9)
    file.write_text("kafka: {}\n")
    assert other_configuration(SETTINGS, file) == (SETTINGS.models_file, SETTINGS.routing)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("routing: {min_quality: 7}", "routing.min_quality: Input should be less than or equal to 1"),
        ("routing: {lambda: 7}", "routing.lambda: Extra inputs are not permitted"),
        ("routing: 5", "routing: "),
        ("- 1", "needs a models file, or a configuration"),
        ("{a", "is not YAML"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        other_configuration(SETTINGS, file)


def test_a_missing_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent.yaml: No such file"):
        other_configuration(SETTINGS, tmp_path / "absent.yaml")


def test_options_come_last() -> None:
    assert _with_options(SETTINGS.routing, None, None, None) == SETTINGS.routing
    changed = _with_options(SETTINGS.routing, 0.7, 3.0, None)
    assert (changed.min_quality, changed.utility_lambda, changed.strategy) == (0.7, 3.0, Strategy.UTILITY)
    assert _with_options(SETTINGS.routing, None, 3.0, "threshold").strategy is Strategy.THRESHOLD
