from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agents.routing.configured import configured_predictor
from agents.routing.learning.commands import names_of, router
from agents.routing.learning.evaluation import routing
from schemas.errors import ConfigurationError
from schemas.settings import RoutingSettings
from streams.weights import MANIFEST
from tests.unit.routing.graded import made_up, write


def asked(*arguments: object) -> Result:
    return CliRunner().invoke(router, [str(argument) for argument in arguments], catch_exceptions=False)


def evaluated(*arguments: object) -> Result:
    words = [*(str(argument) for argument in arguments), "--resamples", "20"]
    return CliRunner().invoke(routing, words, catch_exceptions=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files, and a model fitted on the first."""
    place = tmp_path_factory.mktemp("router")
    write(made_up(180, answers=True), place / "seen.csv.gz")
    write(made_up(150, seed=2, answers=True), place / "new.csv.gz")
    fitted = asked("fit", "--outcomes", place / "seen.csv.gz", "--model-dir", place / "model", "--json")
    assert json.loads(fitted.stdout)["cascade"] == "small"
    return place


def test_scores_have_a_column_for_each_model_and_read_no_grades(folder: Path) -> None:
    asked("score", "--prompts", folder / "new.csv.gz", "--model-dir", folder / "model", "--output", folder / "a.csv")
    lines = (folder / "a.csv").read_text().splitlines()
    assert lines[0] == "row,small,large"
    assert len(lines) == 151
    ungraded = folder / "ungraded.csv"
    ungraded.write_text("prompt\n" + "\n".join(made_up(150, seed=2).prompts) + "\n")
    asked("score", "--prompts", ungraded, "--model-dir", folder / "model", "--output", folder / "b.csv")
    asked(
        "score", "--prompts", folder / "new.csv.gz", "--model-dir", folder / "model", "--output", folder / "c.csv",
        "--prompt-only",
    )  # fmt: skip
    assert (folder / "b.csv").read_text() == (folder / "c.csv").read_text() != (folder / "a.csv").read_text()


def test_an_output_that_cannot_be_written_is_named(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="--output"):
        asked(
            "score",
            "--prompts",
            folder / "new.csv.gz",
            "--model-dir",
            folder / "model",
            "--output",
            folder / "no" / "a",
        )


def test_fit_shows_how_far_it_can_be_trusted(folder: Path) -> None:
    shown = asked("fit", "--outcomes", folder / "seen.csv.gz", folder / "new.csv.gz", "--model-dir", folder / "both")
    assert "Brier score" in shown.stdout
    assert "cascade checks small" in shown.stdout
    assert json.loads((folder / "both" / MANIFEST).read_text())["prompts"] > 300


def test_a_fitted_folder_is_measured_on_what_it_has_not_seen(folder: Path) -> None:
    shown = evaluated(
        "--outcomes", folder / "new.csv.gz", "--model-dir", folder / "model", "--plot", folder / "frontier.png"
    )
    assert "strong calls for 95 %" in shown.stdout
    assert "cascade" in shown.stdout
    assert (folder / "frontier.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ConfigurationError, match="0 prompts are left to measure on"):
        evaluated("--outcomes", folder / "seen.csv.gz", "--model-dir", folder / "model")


def test_without_a_folder_one_half_is_fitted_and_the_other_measured(folder: Path) -> None:
    (found,) = json.loads(evaluated("--outcomes", folder / "seen.csv.gz", "--json").stdout)
    assert list(found["rules"]) == ["random", "neighbours", "predictor", "cascade", "oracle"]
    assert found["rules"]["oracle"]["share95"]["value"] <= found["rules"]["predictor"]["share95"]["value"]
    assert len(found["rules"]["predictor"]["frontier"]["quality"]) == 101


def test_models_that_are_not_there_are_named(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="no outcomes of 'huge'"):
        evaluated("--outcomes", folder / "new.csv.gz", "--model-dir", folder / "model", "--strong", "huge")


def test_a_picture_of_an_unknown_kind_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="--plot"):
        evaluated("--outcomes", folder / "new.csv.gz", "--model-dir", folder / "model", "--plot", folder / "a.doc")


def test_models_may_be_called_otherwise_in_the_models_file(folder: Path) -> None:
    names = ("--name", "small=mixtral-8x7b", "--name", "large=gpt-4")
    fitted = asked(
        "fit", "--outcomes", folder / "seen.csv.gz", "--model-dir", folder / "named", *names, "--json"
    )  # fmt: skip
    assert json.loads(fitted.stdout)["names"] == {"small": "mixtral-8x7b", "large": "gpt-4"}
    predictor = configured_predictor(RoutingSettings(model_dir=folder / "named"))
    assert predictor is not None
    assert predictor.models == ("mixtral-8x7b", "gpt-4")
    asked("score", "--prompts", folder / "new.csv.gz", "--model-dir", folder / "named", "--output", folder / "n.csv")
    assert (folder / "n.csv").read_text().splitlines()[0] == "row,small,large"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("small", "not of the form MODEL=NAME"),
        ("small=", "not of the form MODEL=NAME"),
        ("huge=gpt-4", "'huge' has no outcomes; name one of small, large"),
        ("small=large", "2 models would be called 'large'"),
    ],
)
def test_a_wrong_name_is_explained(name: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        names_of([name], ("small", "large"))
