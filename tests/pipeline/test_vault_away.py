"""A vault that is away is waited for: nothing is lost, reordered or ended, and who does not encrypt goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from agents.governance.encryption.configured import required_data_keys
from schemas.governance import DataKeyDestroyed
from schemas.settings import BatchSettings, KafkaSettings, WindowSettings
from streams.sealing.facts import data_key_place
from streams.sealing.requests import RequestSealer
from streams.stage import moment
from tests.memory.batches import MemoryBatches
from tests.memory.cluster import Cluster, Event
from tests.pipeline.encrypted import Scene
from tests.pipeline.rig import PARTITIONS, ask, until
from tests.servers.batch_desk import BatchDesk, Conditions
from tests.unit.providers.virtual_time import clock, run

AWAY_SECONDS = 60.0
HOUR = 3600.0
LINGER_SECONDS = 300.0
"""By then a request is in a batch."""
KILL_EVERY = 11
OPERATIONS = 100
REQUESTS = 6


def leave(folder: Path) -> None:
    """Let the volume of a vault be no longer mounted: its directory is there and empty."""
    folder.rename(folder.with_name("elsewhere"))
    folder.mkdir()


def come_back(folder: Path) -> None:
    folder.rmdir()
    folder.with_name("elsewhere").rename(folder)


def refuse(folder: Path) -> None:
    """Let a vault refuse to be read, also to a superuser."""
    folder.rename(folder.with_name("elsewhere"))
    folder.touch()


def allow(folder: Path) -> None:
    folder.unlink()
    folder.with_name("elsewhere").rename(folder)


def lose_the_file(folder: Path) -> None:
    """Let one file be missing in a vault that is there."""
    (file,) = folder.rglob("*.json")
    file.rename(folder.with_name("file"))


def find_the_file(folder: Path) -> None:
    (lock,) = folder.rglob(".lock")
    key_id = msgspec.json.decode(folder.with_name("file").read_bytes())["id"]
    folder.with_name("file").rename(lock.with_name(f"{key_id}.json"))


def served(scene: Scene, play: Callable[[Cluster], Awaitable[None]]) -> None:
    async def test() -> None:
        cluster = scene.rig.cluster()
        await cluster.join()
        await play(cluster)
        await cluster.drained()

    run(test())


def sealed_requests(scene: Scene) -> list[bytes]:
    return [scene.sealed(ask(f"r{number}", prompt=f"number {number}")) for number in range(REQUESTS)]


@pytest.mark.parametrize(
    ("go", "come"),
    [(leave, come_back), (refuse, allow), (lose_the_file, find_the_file)],
    ids=["not mounted", "unreadable", "a file missing"],
)
def test_sealed_requests_wait_in_their_order_and_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, go: Callable[[Path], None], come: Callable[[Path], None]
) -> None:
    scene = Scene(tmp_path / "vault")
    requests = [scene.sealed(ask(f"r{number}", prompt="the same")) for number in range(REQUESTS)]
    go(scene.folder)

    async def play(cluster: Cluster) -> None:
        for number, request in enumerate(requests):
            cluster.submit(request, "acme")
            cluster.submit(ask(f"plain{number}", "zeta"), "zeta")
            await asyncio.sleep(1.0)
        cluster.submit(ask("r1", temper="hot"), "acme")  # invalid, and under an id that waits: not before its time
        await asyncio.sleep(AWAY_SECONDS)
        assert sorted(scene.statuses()) == [f"plain{number}" for number in range(REQUESTS)]
        come(scene.folder)

    with caplog.at_level(logging.INFO):
        served(scene, play)
    served_alike = ["completed"] + ["cached"] * (REQUESTS - 1)  # the first asks, and the others have its answer
    assert [scene.statuses()[f"r{number}"] for number in range(REQUESTS)] == served_alike
    assert [letter["code"] for letter in scene.rig.dead_letters()] == ["request_id_conflict"]
    waiting = [one for one in caplog.records if "out of reach" in one.message]
    assert [(one.levelname, one.tenant) for one in waiting] == [("WARNING", "acme")]  # type: ignore[attr-defined]
    assert len([one for one in caplog.records if "within reach again" in one.message]) == 1


@pytest.mark.parametrize("operation", range(1, OPERATIONS, KILL_EVERY))
def test_a_worker_that_starts_while_the_vault_is_away_ends_no_call_that_was_under_way(
    tmp_path: Path, operation: int
) -> None:
    scene = Scene(tmp_path / "vault")
    requests = sealed_requests(scene)

    async def test() -> None:
        cluster = scene.rig.cluster(events=[Event(operation, down_seconds=5.0)])
        await cluster.join()
        for number, request in enumerate(requests):
            cluster.submit(request, "acme")
            cluster.submit(ask(f"plain{number}", "zeta"), "zeta")
            await asyncio.sleep(0.01)
        await until(lambda: cluster.workers == [])
        leave(scene.folder)
        await asyncio.sleep(AWAY_SECONDS)
        assert {name for name in scene.statuses() if name.startswith("plain")} == {
            f"plain{number}" for number in range(REQUESTS)
        }
        come_back(scene.folder)
        await cluster.drained()

    run(test())
    assert set(scene.statuses().values()) == {"completed"}
    assert len(scene.statuses()) == 2 * REQUESTS
    assert all(scene.opened(f"r{number}")["output"]["content"].endswith(str(number)) for number in range(REQUESTS))
    assert scene.rig.dead_letters() == []


def test_partitions_are_given_up_and_taken_over_while_the_vault_is_away(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "vault")
    requests = sealed_requests(scene)
    leave(scene.folder)

    async def play(cluster: Cluster) -> None:
        for request in requests:
            cluster.submit(request, "acme")
        await asyncio.sleep(AWAY_SECONDS)
        await cluster.join()
        await asyncio.sleep(AWAY_SECONDS)
        await cluster.leave(cluster.workers[0])
        cluster.submit(ask("plain", "zeta"), "zeta")
        await asyncio.sleep(AWAY_SECONDS)
        assert scene.statuses() == {"plain": "completed"}
        come_back(scene.folder)

    served(scene, play)
    assert set(scene.statuses().values()) == {"completed"}
    assert sorted(scene.echo.seen)[1:] == [f"number {number}" for number in range(REQUESTS)]


def test_a_batch_goes_on_when_the_vault_of_its_successor_is_back(tmp_path: Path) -> None:
    desk = BatchDesk(clock, Conditions(600.0))
    scene = Scene(
        tmp_path / "vault",
        kafka=KafkaSettings(partitions=PARTITIONS, commit_interval_seconds=5.0),
        windows=WindowSettings(batch_lane=True, bulk_seconds=0.5),
        batches=BatchSettings(poll_seconds=30.0, settle_seconds=5.0),
    )
    scene.rig.tick_seconds = 1.0
    scene.rig.batches = lambda step: {"east": MemoryBatches(desk, step)}

    async def test() -> None:
        cluster = scene.rig.cluster()
        worker = await cluster.join()
        deadline = {"deadline": moment(clock() + 24 * HOUR).isoformat()}
        request = ask("r0", constraints=deadline)
        cluster.submit(scene.sealed(request), "acme")
        await asyncio.sleep(LINGER_SECONDS)
        assert len(desk.batches) == 1
        worker.die()
        cluster.workers.remove(worker)
        leave(scene.folder)
        await cluster.join()
        cluster.submit(ask("plain", "zeta"), "zeta")
        await asyncio.sleep(HOUR)
        assert scene.statuses() == {"plain": "completed"}
        come_back(scene.folder)
        await asyncio.sleep(HOUR)
        await cluster.drained(HOUR)

    run(test())
    result = scene.opened("r0")
    assert (result["status"], result["lane"], len(desk.batches)) == ("completed", "batch", 1)
    assert result["output"]["content"].startswith("Answer")


def test_waiting_ends_when_the_key_is_destroyed(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "vault")
    request = scene.sealed(ask("r0"))
    leave(scene.folder)

    async def play(cluster: Cluster) -> None:
        cluster.submit(request, "acme")
        await asyncio.sleep(AWAY_SECONDS)
        gone = DataKeyDestroyed(tenant="acme", key_id=scene.key.id, destroyed_at=moment(clock()))
        for worker in cluster.workers:
            worker.stages.directory.apply(
                data_key_place("acme", scene.key.id), gone.model_dump_json(exclude_none=True).encode()
            )

    served(scene, play)
    assert scene.rig.results()["r0"][0]["error"]["code"] == "data_key_destroyed"


def test_a_key_that_nobody_ever_made_is_not_waited_for(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "vault")
    elsewhere = required_data_keys(scene.governance.model_copy(update={"vault_dir": tmp_path / "another"}))
    made = elsewhere.make("acme", None, 1.0)
    sealer = RequestSealer(made.id, elsewhere.opener("acme", made.id).public_key)
    request = msgspec.json.encode(sealer.seal(msgspec.json.decode(ask("r0"))))

    async def play(cluster: Cluster) -> None:
        cluster.submit(request, "acme")

    served(scene, play)
    assert scene.rig.results()["r0"][0]["error"]["code"] == "data_key_unknown"
