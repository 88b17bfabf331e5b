"""Data keys on a running stack, as `docs/encryption.md` tells them: each of its commands and its Python are run."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from schemas.settings import Settings
from streams.cli.invocation import Invocation
from streams.envelope import Publication
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.tail import read_tail
from streams.topics import AUDIT, REQUESTS
from tests.integration.cli.commands import Asahi, Said, Up, eventually
from tests.unit.docs.fences import ROOT, SEALING, SHELLS, commands_of, fences

PAGE = ROOT / "docs" / "encryption.md"
WHY = ("--reason", "a test")


def settings_of(running: Up) -> Settings:
    return Invocation(running.data_dir).attached()


def blocks() -> list[list[tuple[str, ...]]]:
    """Return the words behind `asahi` of the commands of the page, block by block."""
    shown = [fence for fence in fences(*SHELLS) if fence.page == PAGE]
    found = [[command.words for command in commands_of(fence)] for fence in shown]
    assert all(words[0] == "asahi" for block in found for words in block)
    return [[words[1:] for words in block] for block in found]


def python_of_the_page() -> Callable[..., dict[str, Any]]:
    (fence,) = [fence for fence in fences("python") if fence.page == PAGE and fence.kind == SEALING]
    namespace: dict[str, Any] = {}
    exec(compile(fence.text, str(fence), "exec"), namespace)
    seal: Callable[..., dict[str, Any]] = namespace["seal"]
    return seal


async def send(settings: Settings, request: dict[str, Any]) -> None:
    async with Outbox(settings.kafka) as outbox:
        tenant = request["tenant"]
        partition = home_partition(tenant, settings.kafka.partitions)
        await outbox.publish(REQUESTS.name, partition, [Publication(orjson.dumps(request), tenant.encode())])


async def audits(settings: Settings) -> list[dict[str, Any]]:
    starts = {(AUDIT.name, partition): 0 for partition in range(settings.kafka.partitions)}
    return [orjson.loads(one.value or b"") async for records in read_tail(settings.kafka, starts) for one in records]


def test_the_page_holds(asahi: Asahi, running: Up) -> None:
    turning_on, reading, rotation, erasure = blocks()
    for words in turning_on:
        said = asahi(*words)
        assert said.code == 0, said.err
    (key,) = asahi("governance", "data-keys", "list", "--tenant", "acme", "--json").json

    request = {"id": "order-1", "tenant": "acme", "mode": "explicit", "model": "gpt-4-turbo"}
    sealed = python_of_the_page()(request, {"prompt": "Tell me of the zebrafish."}, key["key_id"], key["public_key"])
    assert b"zebrafish" not in orjson.dumps(sealed)
    asyncio.run(send(settings_of(running), sealed))
    (read,) = reading
    eventually(lambda: asahi(*read).code == 0)
    shown = asahi(*read).json
    assert shown["status"] == "completed", shown
    assert shown["output"]["content"]

    rotate, rewrap = (asahi(*words) for words in rotation)
    assert (rotate.code, rewrap.code) == (0, 0), rotate.err + rewrap.err
    assert len(asahi("governance", "data-keys", "list", "--tenant", "acme", "--json").json) == 2
    assert asahi(*read).json["output"] == shown["output"]

    assert asahi("governance", "data-keys", "make", "--tenant", "acme", "--user", "amara", *WHY).code == 0
    tenants, users = (asahi(*words) for words in erasure)
    assert (tenants.code, users.code) == (0, 0), tenants.err + users.err
    assert (tenants.json["proven"], len(tenants.json["keys"])) == (True, 3)
    assert asahi(*read).code == 1


def test_a_rotated_key_is_sealed_to_and_the_older_opens_what_it_encrypted(asahi: Asahi, running: Up) -> None:
    def keys(command: str, *more: str) -> Said:
        return asahi("governance", "data-keys", command, *more, "--json")

    who = ("--tenant", "rotating", *WHY)
    tenant = ("governance", "tenants", "set", "rotating", "--set", "reference_model=gpt-4-turbo", *WHY)
    assert asahi(*tenant).code == 0
    early = keys("rotate", *who)
    assert (early.code, "there is none yet; `make` makes the first" in early.err) == (2, True)
    first = keys("make", *who).json
    twice = keys("make", *who)
    assert (twice.code, first["key_id"] in twice.err) == (2, True)
    second = keys("rotate", *who, "--actor", "noor").json
    assert (second["key_id"] != first["key_id"], second["changed_by"]) == (True, "noor")
    assert keys("rotate", *who, "--user", "amara").code == 2
    stranger = keys("make", "--tenant", "stranger", *WHY)
    assert (stranger.code, "no organization 'stranger' is registered" in stranger.err) == (2, True)
    listed = keys("list", "--tenant", "rotating").json
    assert [(one["key_id"], one["state"]) for one in listed] == [
        (first["key_id"], "good"),
        (second["key_id"], "good"),
    ]
    issued = [one for one in asyncio.run(audits(settings_of(running))) if one.get("tenant") == "rotating"]
    issued = [one for one in issued if one["action"] == "data_key_issued"]
    assert [(one["subject"], one["reason"]) for one in issued] == [
        (f"rotating/datakey/{one['key_id']}", "a test (of the whole tenant)") for one in (first, second)
    ]


# The last of the file: the worker does not have the key-encryption key that wraps the vault afterwards.
def test_keys_are_wrapped_anew_by_what_is_configured_first_and_go_on_opening(
    asahi: Asahi, running: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = ("--tenant", "wrapped")
    model, mode = ("--set", "reference_model=gpt-4-turbo"), ("--set", "policy.encryption=tenant")
    assert asahi("governance", "tenants", "set", "wrapped", *model, *mode, *WHY).code == 0
    asked = asahi("infer", *tenant, "--prompt", "What is the capital of Wales?", "--json")
    assert asked.code == 0, asked.err
    name = asked.json["id"]
    eventually(lambda: asahi("result", name, *tenant).code == 0)
    before = asahi("result", name, *tenant).json

    rewrap = ("governance", "data-keys", "rewrap", *WHY, "--json")
    assert asahi(*rewrap).json == {"rewrapped": 0}
    monkeypatch.setenv("ASAHI_GOVERNANCE_WRAPPING_KEYS", b64encode(bytes(range(32))).decode())
    assert asahi(*rewrap).json["rewrapped"] >= 1
    assert asahi(*rewrap).json == {"rewrapped": 0}
    assert asahi("result", name, *tenant).json["output"] == before["output"]
    monkeypatch.delenv("ASAHI_GOVERNANCE_WRAPPING_KEYS")
    unopened = asahi("result", name, *tenant)
    assert (unopened.code, "output" in unopened.out) == (2, False), unopened.err
    monkeypatch.setenv("ASAHI_GOVERNANCE_WRAPPING_KEYS", b64encode(bytes(range(32))).decode())
    told = [one for one in asyncio.run(audits(settings_of(running))) if one["action"] == "data_keys_rewrapped"]
    assert {(one["subject"], one["reason"]) for one in told if one["reason"] == "a test"} == {("vault", "a test")}
