"""The shares of strong calls that routing promises, on the recorded outcomes where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from agents.routing.learning.evaluation import routing

DATA = Path(__file__).parents[4] / "shared" / "data"
FILES = [DATA / "mmlu_outcomes.csv.gz", DATA / "gsm8k_outcomes.csv.gz"]


@pytest.mark.skipif(not all(file.exists() for file in FILES), reason="the recorded outcomes are not here")
def test_the_promised_shares_of_strong_calls_are_kept() -> None:
    arguments = ["--outcomes", *map(str, FILES), "--resamples", "20", "--json"]
    mmlu, gsm8k = json.loads(CliRunner().invoke(routing, arguments, catch_exceptions=False).stdout)
    assert mmlu["rules"]["predictor"]["share95"]["value"] <= 0.45
    assert gsm8k["rules"]["cascade"]["share95"]["value"] <= 0.60
    assert all(found["error"] < 0.05 for found in mmlu["calibration"].values())
