"""A sealed request sent again gets the result it had, whatever has happened to its data key meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.governance import DataKeyDestroyed
from schemas.policy import EncryptionMode, Policy
from schemas.settings import WindowSettings, WorkerSettings
from schemas.tenant import TenantRegistered
from streams.sealing.envelope import ContentKey
from streams.sealing.facts import data_key_place
from streams.stage import moment
from tests.memory.cluster import Cluster
from tests.pipeline.encrypted import Scene
from tests.pipeline.rig import ask
from tests.pipeline.test_vault_away import come_back, find_the_file, leave, lose_the_file, served
from tests.unit.providers.virtual_time import clock

SECRET = "the heron flies at dawn"
USER = "ann"


def tell(cluster: Cluster, key: bytes, value: bytes) -> None:
    for worker in cluster.workers:
        worker.stages.directory.apply(key, value)


def erase(scene: Scene, cluster: Cluster) -> None:
    """Destroy the tenant's key, and tell it."""
    scene.keys.destroy("acme", scene.key.id)
    gone = DataKeyDestroyed(tenant="acme", key_id=scene.key.id, destroyed_at=moment(clock()))
    place, value = data_key_place("acme", scene.key.id), gone.model_dump_json(exclude_none=True).encode()
    scene.rig.facts = [*scene.rig.facts, (place, value)]
    tell(cluster, place, value)


def rotate(scene: Scene, cluster: Cluster, user: str | None = None) -> ContentKey:
    """Make a newer data key, and tell it."""
    newer = scene.make(clock(), user)
    tell(cluster, *scene.rig.facts[-1])
    return newer


def again(
    scene: Scene, first: bytes, then: Callable[[Cluster], bytes], *, restart: bool = False
) -> tuple[int, list[str]]:
    """Return how many results, all the same, came of two requests of one id, and the codes of the dead letters."""

    async def play(cluster: Cluster) -> None:
        cluster.submit(first, "acme")
        await cluster.drained()
        second = then(cluster)
        if restart:
            worker = await cluster.join()
            await cluster.leave(cluster.workers[0])
            for key, value in scene.rig.facts:
                worker.stages.directory.apply(key, value)
        cluster.submit(second, "acme")

    served(scene, play)
    assert len(scene.echo.seen) == 1
    assert scene.statuses().keys() == {"r0"}
    return len(scene.rig.results()["r0"]), [letter["code"] for letter in scene.rig.dead_letters()]


@pytest.mark.parametrize("restart", [False, True], ids=["known", "recalled"])
def test_after_an_erasure_the_known_result_comes_again(tmp_path: Path, restart: bool) -> None:
    scene = Scene(tmp_path)
    request = scene.sealed(ask("r0", prompt=SECRET))

    def then(cluster: Cluster) -> bytes:
        erase(scene, cluster)
        return request

    assert again(scene, request, then, restart=restart) == (2, [])


def test_after_an_erasure_a_request_under_way_is_no_conflict(tmp_path: Path) -> None:
    scene = Scene(tmp_path, worker=WorkerSettings(max_outstanding=50), windows=WindowSettings(bulk_seconds=30.0))

    async def play(cluster: Cluster) -> None:
        deadline = {"deadline": moment(clock() + 3600.0).isoformat()}
        request = scene.sealed(ask("r0", prompt=SECRET, constraints=deadline))
        cluster.submit(request, "acme")
        await asyncio.sleep(1.0)  # it waits in its window
        erase(scene, cluster)
        cluster.submit(request, "acme")

    served(scene, play)
    assert len(scene.rig.results()["r0"]) == 1
    assert scene.rig.results()["r0"][0]["error"]["code"] == "content_unreadable"
    assert scene.rig.dead_letters() == []


@pytest.mark.parametrize("restart", [False, True], ids=["known", "recalled"])
@pytest.mark.parametrize("anew", [False, True], ids=["the same envelope", "sealed anew"])
def test_after_a_rotation_the_known_result_comes_again(tmp_path: Path, anew: bool, restart: bool) -> None:
    scene = Scene(tmp_path)
    request = scene.sealed(ask("r0", prompt=SECRET))

    def then(cluster: Cluster) -> bytes:
        newer = rotate(scene, cluster)
        return scene.sealed(ask("r0", prompt=SECRET), newer) if anew else request

    assert again(scene, request, then, restart=restart) == (2, [])


def test_after_a_rotation_another_content_is_still_another(tmp_path: Path) -> None:
    scene = Scene(tmp_path)

    def then(cluster: Cluster) -> bytes:
        return scene.sealed(ask("r0", prompt="another"), rotate(scene, cluster))

    assert again(scene, scene.sealed(ask("r0", prompt=SECRET)), then) == (1, ["request_id_conflict"])


def test_a_request_is_the_same_under_its_users_key(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    request = ask("r0", prompt=SECRET, user=USER)

    def then(cluster: Cluster) -> bytes:
        return scene.sealed(request, rotate(scene, cluster, USER))

    assert again(scene, scene.sealed(request), then) == (2, [])


def test_a_request_is_the_same_when_its_organization_begins_to_encrypt(tmp_path: Path) -> None:
    scene = Scene(tmp_path, EncryptionMode.OFF)

    def then(cluster: Cluster) -> bytes:
        policy = Policy(encryption=EncryptionMode.TENANT)
        tenant = TenantRegistered(tenant="acme", reference_model="big", policy=policy)
        tell(cluster, b"acme", tenant.model_dump_json().encode())
        return scene.sealed(ask("r0", prompt=SECRET))

    assert again(scene, ask("r0", prompt=SECRET), then) == (2, [])


def test_an_older_key_that_is_out_of_reach_is_waited_for_before_requests_are_compared(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "vault")

    async def play(cluster: Cluster) -> None:
        cluster.submit(scene.sealed(ask("r0", prompt=SECRET)), "acme")
        await cluster.drained()
        lose_the_file(scene.folder)
        newer = rotate(scene, cluster)
        await cluster.join()
        await cluster.leave(cluster.workers[0])
        for worker in cluster.workers:
            for fact in scene.rig.facts:
                worker.stages.directory.apply(*fact)
        cluster.submit(scene.sealed(ask("r0", prompt=SECRET), newer), "acme")
        await asyncio.sleep(60.0)
        assert len(scene.rig.results()["r0"]) == 1
        find_the_file(scene.folder)

    served(scene, play)
    assert len(scene.rig.results()["r0"]) == 2
    assert scene.statuses() == {"r0": "completed"}
    assert scene.rig.dead_letters() == []


def test_what_was_erased_and_is_new_is_rejected_once_the_vault_is_back(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "vault")
    request = scene.sealed(ask("r0", prompt=SECRET))
    scene.keys.destroy("acme", scene.key.id)
    leave(scene.folder)

    async def play(cluster: Cluster) -> None:
        for _ in range(2):
            cluster.submit(request, "acme")
        await asyncio.sleep(60.0)
        come_back(scene.folder)

    served(scene, play)
    assert scene.statuses() == {"r0": "rejected"}
    assert scene.rig.results()["r0"][0]["error"]["code"] == "data_key_destroyed"
    assert scene.rig.dead_letters() == []
