"""What the docs show follows the contract they describe."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from schemas.section import Section
from schemas.settings import ProviderSettings, Settings
from streams.contract.json_schema import event_schema, model_of
from streams.topics import FEEDBACK, GOVERNANCE, RECOMMENDATIONS, REQUESTS, RESULTS, SURVEYS, TEAMS, USERS, Topic
from tests.unit.docs.fences import PAGES, ROOT, Command, Fence, commands, fences

KINDS = {
    "request": REQUESTS,
    "requests": REQUESTS,
    "result": RESULTS,
    "survey": SURVEYS,
    "feedback": FEEDBACK,
    "recommendation": RECOMMENDATIONS,
    "governance": GOVERNANCE,
    "team": TEAMS,
    "user": USERS,
}
SCHEMAS = {topic.ce_type: Draft202012Validator(event_schema(topic)) for topic in KINDS.values()}
PRODUCED = [command for command in commands() if command.words[0] == "echo"]


def check_event(topic: Topic, body: Any) -> BaseModel:
    SCHEMAS[topic.ce_type].validate(body)
    return model_of(topic).model_validate_json(json.dumps(body))


@pytest.mark.parametrize("fence", fences("json"), ids=str)
def test_json_follows_its_schema(fence: Fence) -> None:
    assert fence.kind in KINDS, "say behind ```json what it is, such as `request`"
    document = json.loads(fence.text)
    for body in document if fence.kind == "requests" else [document]:
        check_event(KINDS[fence.kind], body)


@pytest.mark.parametrize("command", PRODUCED, ids=str)
def test_what_is_piped_into_kcat_is_a_request_under_its_tenant(command: Command) -> None:
    key, _, value = command.words[1].partition(":")
    document = json.loads(value)
    for body in document if isinstance(document, list) else [document]:
        check_event(REQUESTS, body)
        assert body["tenant"] == key


def test_the_contract_shows_each_kind() -> None:
    assert {fence.kind for fence in fences("json")} == KINDS.keys()
    assert PRODUCED


@pytest.mark.parametrize("fence", fences("python"), ids=str)
def test_python_is_python(fence: Fence) -> None:
    ast.parse(fence.text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        if anchor:
            assert anchor in headings(linked), target


def headings(page: Path) -> set[str]:
    """Return the anchors that a page's headings have."""
    found = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def setting_names() -> set[str]:
    names = {f"providers.{key}" for key in ProviderSettings.model_fields}
    for section, field in Settings.model_fields.items():
        if isinstance(field.default, Section):
            names |= {f"{section}.{key}" for key in type(field.default).model_fields}
    return names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_named_in_the_text_exist(page: Path) -> None:
    sections = "|".join(name for name, field in Settings.model_fields.items() if isinstance(field.default, Section))
    named = set(re.findall(rf"`((?:{sections})\.[a-z_]+)`", page.read_text()))
    assert named <= setting_names()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_named_in_the_text_exist(page: Path) -> None:
    tops = "agents|streams|schemas|config|benchmarks|scripts|tests"
    for name in re.findall(rf"`((?:{tops})/[\w./-]+)`", page.read_text()):
        assert (ROOT / name).exists(), name
