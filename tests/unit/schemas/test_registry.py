from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from schemas.errors import ConfigurationError
from schemas.prices_published import edition
from schemas.registry import ModelRegistry
from tests.flow.models import a_model, a_registry

SHIPPED = Path(__file__).parents[3] / "config" / "models.yaml"
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


def written(path: Path, text: str) -> Path:
    file = path / "models.yaml"
    file.write_text(text)
    return file


def test_a_file_is_read_in_order(tmp_path: Path) -> None:
    text = ONE + ONE.split("models:")[1].replace("one", "two")
    registry = ModelRegistry.load(written(tmp_path, text))
    assert [spec.name for spec in registry] == ["one", "two"]
    assert len(registry) == 2
    assert registry.get("two") is not None
    assert registry.get("three") is None


def test_the_price_list_changes_with_the_file(tmp_path: Path) -> None:
    before = ModelRegistry.load(written(tmp_path, ONE)).price_list
    after = ModelRegistry.load(written(tmp_path, ONE.replace("output: 2", "output: 3"))).price_list
    assert before.startswith("2026-01-31/")
    assert after.startswith("2026-01-31/")
    assert before != after


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("input: 1", "input: cheap", "model 'one': price.input: "),
        ("input: 1", "input: -1", "model 'one': price.input: "),
        ("input: 1", "input: 0.12345678901", "model 'one': price.input: "),
        ("context_window: 1000", "context_windw: 1000", "model 'one': context_window: "),
        ("providers: [east]", "providers: []", "model 'one': providers: "),
        ("{default: 0.5}", "{default: 50}", "model 'one': quality.default: "),
        ("{default: 0.5}", "{coding: 0.5}", "model 'one': quality.default is missing"),
        ("providers:", "capabilities: [tool]\n    providers:", "model 'one': capabilities"),
        ("name: one", "nam: one", "model number 1: name: "),
        ("name: one", "name: a b", "model 'a b': name: "),
        ('date: "2026-01-31"', "", "date is missing"),
        ("models:", "model:", "models must be a list with at least one model"),
        ("models:", "models: []\nother:", "models must be a list with at least one model"),
        ("models:", "models: [1]\nother:", "model number 1: entry: "),
        (ONE, "- just a list", "needs a mapping"),
        (ONE, "a: {b", "is not YAML"),
    ],
)
def test_a_wrong_file_is_named_with_the_model_and_the_field(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = written(tmp_path, ONE.replace(old, new))
    with pytest.raises(ConfigurationError, match=re.escape(said)) as error:
        ModelRegistry.load(file)
    assert str(file) in str(error.value)


def test_a_missing_file_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent.yaml: No such file or directory; set models_file"):
        ModelRegistry.load(tmp_path / "absent.yaml")


def test_a_name_may_occur_once() -> None:
    with pytest.raises(ConfigurationError, match="'one' is listed twice"):
        a_registry(a_model("one"), a_model("one"))


def test_the_models_we_ship_can_be_read_and_called() -> None:
    registry = ModelRegistry.load(SHIPPED)
    assert len(registry) >= 15
    assert {provider for spec in registry for provider in spec.providers} == {"simulated"}
    for name in ("gpt-4-turbo", "claude-opus-4", "claude-3-5-sonnet"):
        spec = registry.get(name)
        assert spec is not None
        assert spec.quality_source == "the original system's registry"
    assert all(spec.quality_source != "unknown" for spec in registry)


def test_published_prices_are_named_in_the_price_list(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(
        "date: 2026-11-23\nmodels:\n"
        "  - {name: m, providers: [p], context_window: 9, quality: {default: 1},"
        " speed: {first_token_ms: 1, tokens_per_second: 1}, price: {published: openai/gpt-4o}}\n"
    )
    registry = ModelRegistry.load(path)
    assert registry.price_list.endswith(f"/{edition()}")
    (spec,) = registry
    assert (spec.price.input, spec.price.cached_input) == (Decimal("2.5"), Decimal("1.25"))
    path.write_text(path.read_text().replace("openai/gpt-4o", "openai/none"))
    with pytest.raises(ConfigurationError, match=r"model 'm': price: .*lists no openai/none"):
        ModelRegistry.load(path)
