from __future__ import annotations

import os
import re
from decimal import Decimal
from pathlib import Path

import pytest

from schemas.errors import ConfigurationError
from schemas.models_file import ModelsFile
from schemas.prices_published import edition
from schemas.registry import ModelRegistry
from tests.flow.models import a_model, a_registry

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
        (ONE, "", "needs a mapping"),
        (ONE, "date: !secret x", "is not YAML"),
        ("input: 1", "inptu: 1", "price.inptu: there is no such field; did you mean input?"),
        ("providers:", "colour: red\n    providers:", "colour: there is no such field; use one of: name, "),
        ("models:", "modles: 1\nmodels:", "line 3: modles: there is no such field; did you mean models?"),
        ("input: 1", "input: 1, input: 2", "line 9: model 'one': price.input is given twice; keep one"),
        ("models:", "date: 1\nmodels:", "line 3: date is given twice; keep one"),
        ("name: one", "nam: one\n    nam: two", "model number 1: nam is given twice; keep one"),
        ("input: 1", "batch: much, input: 1", "line 9: model 'one': price.batch: "),
    ],
)
def test_a_wrong_file_is_named_with_the_model_and_the_field(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = written(tmp_path, ONE.replace(old, new))
    with pytest.raises(ConfigurationError, match=re.escape(said)) as error:
        ModelRegistry.load(file)
    assert str(file) in str(error.value)


def test_everything_wrong_is_said_at_once_with_its_line(tmp_path: Path) -> None:
    twice = ONE.split("models:")[1]
    text = ONE.replace("output: 2", "output: -2").replace("{default: 0.5}", "{default: 5, coding: good}") + twice
    with pytest.raises(ConfigurationError) as error:
        ModelRegistry.load(written(tmp_path, text + twice.replace("context", "kontext")))
    first, *others = str(error.value).splitlines()
    assert first == f"models file {tmp_path / 'models.yaml'} is wrong in 5 places:"
    assert [line.split(": ")[0].strip() for line in others] == ["line 7", "line 7", "line 9", "line 18", "line 20"]
    assert "quality.coding: Input should be a valid number" in others[1]
    assert "kontext_window: there is no such field; did you mean context_window?" in str(error.value)


def test_a_model_listed_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="line 11: model 'one' is listed twice, first on line 4; keep one"):
        ModelRegistry.load(written(tmp_path, ONE + ONE.split("models:")[1]))


def test_holders_of_a_registry_see_a_newer_version_at_once(tmp_path: Path) -> None:
    held = ModelRegistry.load(written(tmp_path, ONE))
    newer = ModelRegistry.load(written(tmp_path, ONE.replace("name: one", "name: two")))
    held.adopt(newer)
    assert [spec.name for spec in held] == ["two"]
    assert held.price_list == newer.price_list


def test_a_file_is_read_again_only_when_it_says_something_else(tmp_path: Path) -> None:
    path = written(tmp_path, ONE)
    file = ModelsFile(path)
    assert [spec.name for spec in file.load()] == ["one"]
    assert file.reload() is None
    os.utime(path, ns=(1, 1))
    assert file.reload() is None
    written(tmp_path, ONE.replace("name: one", "name: another"))
    newer = file.reload()
    assert newer is not None
    assert [spec.name for spec in newer] == ["another"]


def test_a_file_that_became_wrong_is_complained_of_once(tmp_path: Path) -> None:
    path = written(tmp_path, ONE)
    file = ModelsFile(path)
    file.load()
    path.write_text(ONE.replace("price:", "cost:"))
    with pytest.raises(ConfigurationError, match="line 9: model 'one': cost"):
        file.reload()
    assert file.reload() is None
    path.unlink()
    with pytest.raises(ConfigurationError, match="No such file"):
        file.reload()
    assert file.reload() is None
    written(tmp_path, ONE)
    assert file.reload() is not None


def test_a_missing_file_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent.yaml: No such file or directory; set models_file"):
        ModelRegistry.load(tmp_path / "absent.yaml")


def test_a_name_may_occur_once() -> None:
    with pytest.raises(ConfigurationError, match="'one' is listed twice"):
        a_registry(a_model("one"), a_model("one"))


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
