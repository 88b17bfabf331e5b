"""Marks pay over HTTP, through the real windows, routing and provider classes; see `benchmarks/prefixes.py`."""

from __future__ import annotations

import pytest

from benchmarks.prefixes import KEY_VARIABLE, Sizes, measured, workloads

SIZES = Sizes(documents=2, questions=12, conversations=2, turns=2, pairs=2, unique=10)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "sk-test")


async def test_questions_about_shared_documents_cost_less_and_the_savings_say_why() -> None:
    found = await measured("anthropic", workloads(SIZES, 1)["documents"], bulk=True)
    assert found["cost_less"] > 0.5
    assert found["savings_explain_all"]
    assert found["with"]["failed"] == found["without"]["failed"] == 0


async def test_what_never_comes_again_costs_nothing_more() -> None:
    found = await measured("anthropic", workloads(SIZES, 1)["unique"], bulk=False)
    assert found["cost_less"] == 0
    assert found["with"]["share_written"] == 0
