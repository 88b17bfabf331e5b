"""`python -m streams.contract`, which is `make contract`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from streams.contract.documents import WITH_TABLES, stale

ROOT = Path(__file__).parents[3]


def run_module(folder: Path) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "streams.contract"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout


def test_it_writes_below_the_working_directory(tmp_path: Path) -> None:
    for page in WITH_TABLES:
        (tmp_path / page).parent.mkdir(exist_ok=True)
        (tmp_path / page).write_text("<!-- table: topics -->\n<!-- end of table -->\n")
    assert "wrote docs/asyncapi.yaml" in run_module(tmp_path).splitlines()
    assert stale(tmp_path) == []
    assert run_module(tmp_path) == "everything is up to date\n"
