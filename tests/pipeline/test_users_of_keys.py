"""The user of a request is the one it names, else the one whose API key signed it: for everything alike."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

from agents.governance.keys import Issued
from schemas.governance import UserRegistered
from schemas.policy import Budget, EncryptionMode, Period, Policy
from schemas.settings import Signatures
from streams.envelope import Publication
from streams.signing import Signer
from streams.topics import REQUESTS
from tests.memory.cluster import Cluster
from tests.pipeline.encrypted import Scene
from tests.pipeline.rig import ask
from tests.pipeline.test_signatures import HOME
from tests.pipeline.test_vault_away import served
from tests.unit.governance.keys import issue
from tests.unit.providers.virtual_time import clock

OF_AMARA, OF_BELA, OF_NOBODY = issue("amara", user="amara"), issue("bela", user="bela"), issue("nobody")
KEYS = (OF_AMARA, OF_BELA, OF_NOBODY)


def scene_of(folder: Path, mode: EncryptionMode, *users: UserRegistered) -> Scene:
    scene = Scene(folder, mode, governance={"signatures": Signatures.REQUIRED})
    places = [(f"acme/key/{key.fact.key_id}", key.fact.model_dump_json(exclude_none=True)) for key in KEYS]
    places += [(f"acme/user/{user.user}", user.model_dump_json(exclude_none=True)) for user in users]
    scene.rig.facts = [*scene.rig.facts, *((place.encode(), fact.encode()) for place, fact in places)]
    return scene


def send(cluster: Cluster, value: bytes, key: Issued) -> None:
    signer = Signer(key.key, clock)
    message = signer.signed(REQUESTS.name, Publication(value, b"acme"))
    cluster.machine.broker.append(REQUESTS.name, HOME, [message])


def codes(scene: Scene) -> dict[str, str]:
    """Return the status of every request, or the code of its error."""
    firsts = {name: results[0] for name, results in scene.rig.results().items()}
    return {name: one["error"]["code"] if "error" in one else one["status"] for name, one in firsts.items()}


def test_a_request_is_sealed_to_the_key_of_its_user_named_or_not(tmp_path: Path) -> None:
    scene = scene_of(tmp_path, EncryptionMode.USER)
    amaras, belas = scene.make(2.0, "amara"), scene.make(3.0, "bela")

    async def play(cluster: Cluster) -> None:
        send(cluster, scene.sealed(ask("left-out"), amaras), OF_AMARA)
        send(cluster, scene.sealed(ask("named", user="amara"), amaras), OF_AMARA)
        send(cluster, scene.sealed(ask("named-under-a-shared-key", user="bela"), belas), OF_NOBODY)
        send(cluster, scene.sealed(ask("nobodys")), OF_NOBODY)
        send(cluster, scene.sealed(ask("to-all")), OF_AMARA)
        send(cluster, scene.sealed(ask("to-another"), belas), OF_AMARA)
        send(cluster, scene.sealed(ask("to-somebody"), amaras), OF_NOBODY)
        send(cluster, scene.sealed(ask("of-another", user="bela"), belas), OF_AMARA)

    served(scene, play)
    assert codes(scene) == {
        **dict.fromkeys(("left-out", "named", "named-under-a-shared-key", "nobodys"), "completed"),
        **dict.fromkeys(("to-all", "to-another", "to-somebody"), "wrong_data_key"),
        "of-another": "wrong_user",
    }
    users = {name: results[0].get("user") for name, results in scene.rig.results().items()}
    assert users == {
        **dict.fromkeys(("left-out", "named", "to-all", "to-another", "of-another"), "amara"),
        "named-under-a-shared-key": "bela",
        "nobodys": None,
        "to-somebody": None,
    }
    usage = {one["request_id"]: one.get("user") for one in scene.rig.usages()}
    assert usage == {name: user for name, user in users.items() if codes(scene)[name] == "completed"}
    assert {name: one.user for name, one in scene.rig.passengers().items()} == usage


def test_policies_and_budgets_of_the_user_of_a_key_hold_where_none_is_named(tmp_path: Path) -> None:
    amara = UserRegistered(tenant="acme", user="amara", policy=Policy(allowed_models=["small"]))
    nothing = Budget(period=Period.MONTH, limit_usd=Decimal(0))
    bela = UserRegistered(tenant="acme", user="bela", budgets=[nothing])
    scene = scene_of(tmp_path, EncryptionMode.OFF, amara, bela)
    explicit = {"mode": "explicit", "model": "big"}

    async def play(cluster: Cluster) -> None:
        send(cluster, ask("amara", **explicit), OF_AMARA)
        send(cluster, ask("bela", **explicit), OF_BELA)
        send(cluster, ask("nobody", **explicit), OF_NOBODY)

    served(scene, play)
    assert codes(scene) == {"amara": "model_not_allowed", "bela": "budget_exceeded", "nobody": "completed"}


def test_a_user_left_out_and_the_same_user_named_are_the_same_request_and_another_user_is_not(tmp_path: Path) -> None:
    scene = scene_of(tmp_path, EncryptionMode.USER)
    amaras, belas = scene.make(2.0, "amara"), scene.make(3.0, "bela")

    async def play(cluster: Cluster) -> None:
        send(cluster, scene.sealed(ask("r0"), amaras), OF_AMARA)
        await cluster.drained()
        send(cluster, scene.sealed(ask("r0", user="amara"), amaras), OF_AMARA)
        send(cluster, scene.sealed(ask("r0", user="amara"), amaras), OF_NOBODY)
        await cluster.drained()
        assert scene.rig.dead_letters() == []
        send(cluster, scene.sealed(ask("r0"), belas), OF_BELA)
        await asyncio.sleep(1.0)

    served(scene, play)
    assert [one["user"] for one in scene.rig.results()["r0"]] == ["amara"] * 3
    assert [letter["code"] for letter in scene.rig.dead_letters()] == ["request_id_conflict"]


def test_what_is_no_valid_request_counts_as_the_users_whose_key_it_is(tmp_path: Path) -> None:
    scene = scene_of(tmp_path, EncryptionMode.OFF)

    async def play(cluster: Cluster) -> None:
        send(cluster, ask("r0", temper="hot"), OF_AMARA)
        send(cluster, ask("r1", temper="hot", user="bela"), OF_AMARA)
        send(cluster, ask("r2", temper="hot", user="bela"), OF_NOBODY)

    served(scene, play)
    users = {name: results[0]["user"] for name, results in scene.rig.results().items()}
    assert users == {"r0": "amara", "r1": "amara", "r2": "bela"}
