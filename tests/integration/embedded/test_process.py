from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from schemas.errors import EmbeddedServiceError
from streams.embedded.identity import ProcessIdentity
from streams.embedded.process import ChildProcess
from tests.kafka.polling import until

ROOT = Path(__file__).resolve().parents[3]

Start = Callable[..., ChildProcess]

# Each says that it is up by creating the file `up` in its working directory, the data folder.
OBEDIENT = (
    "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); open('up', 'w'); signal.pause()"
)
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('up', 'w')\nwhile True: signal.pause()"
SPEAKING = "print('first line'); print('the reason', flush=True); raise SystemExit(3)"


@pytest.fixture
async def child(tmp_path: Path) -> AsyncIterator[Start]:
    made: list[ChildProcess] = []

    def make(program: str, **options: float | dict[str, str]) -> ChildProcess:
        made.append(_child(tmp_path, program, **options))
        return made[-1]

    yield make
    for each in made:
        await each.stop(patience=0.0)


def _child(folder: Path, program: str, **options: object) -> ChildProcess:
    return ChildProcess(
        "child",
        [sys.executable, "-c", program],
        data_dir=folder,
        ready=_exists(folder / "up"),
        **options,  # type: ignore[arg-type]  # forwarded as given
    )


def _exists(path: Path) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        return await asyncio.to_thread(path.exists)

    return ready


async def test_a_child_that_obeys_ends_in_its_own_way(child: Start) -> None:
    process = child(OBEDIENT)
    await process.start()
    assert process.alive
    assert process.exit_code is None
    process.check()
    assert await process.stop() == 7
    assert not process.alive


async def test_a_child_that_ignores_sigterm_is_killed(child: Start) -> None:
    process = child(STUBBORN, stop_timeout=0.2)
    await process.start()
    assert await process.stop() == -signal.SIGKILL


async def test_stopping_twice_or_before_the_start_is_harmless(child: Start) -> None:
    process = child(OBEDIENT)
    assert await process.stop() is None
    await process.start()
    assert await process.stop() == 7
    assert await process.stop() == 7


async def test_a_killed_child_is_noticed(child: Start) -> None:
    process = child(OBEDIENT)
    await process.start()
    pid = process.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not process.alive)
    with pytest.raises(EmbeddedServiceError, match=rf"child \(pid {pid}\) was ended by SIGKILL"):
        process.check()


async def test_a_child_that_dies_at_the_start_is_reported_with_its_last_words(child: Start) -> None:
    process = child(SPEAKING)
    with pytest.raises(EmbeddedServiceError) as died:
        await process.start()
    assert "exited with code 3" in str(died.value)
    assert "the reason" in str(died.value)
    assert str(process.log_path) in str(died.value)


async def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    process = ChildProcess("child", ["/nowhere/program"], data_dir=tmp_path, ready=_exists(tmp_path / "up"))
    with pytest.raises(EmbeddedServiceError, match="cannot run /nowhere/program: No such file"):
        await process.start()


async def test_a_child_that_is_never_ready_is_ended(tmp_path: Path) -> None:
    process = ChildProcess(
        "child",
        [sys.executable, "-c", STUBBORN],
        data_dir=tmp_path,
        ready=_exists(tmp_path / "never"),
        start_timeout=0.5,
    )
    with pytest.raises(EmbeddedServiceError, match=r"was not ready after 0\.5 s"):
        await process.start()
    assert process.exit_code == -signal.SIGKILL


async def test_a_probe_that_hangs_does_not_hang_the_start(tmp_path: Path) -> None:
    async def hang() -> bool:
        await asyncio.Event().wait()
        return True

    process = ChildProcess(
        "child", [sys.executable, "-c", OBEDIENT], data_dir=tmp_path, ready=hang, start_timeout=0.3
    )
    with pytest.raises(EmbeddedServiceError, match="was not ready"):
        await process.start()
    assert not process.alive


async def test_a_stranger_who_answers_for_a_dead_child_is_not_believed(tmp_path: Path) -> None:
    async def stranger() -> bool:
        await until(lambda: not process.alive)
        return True

    process = ChildProcess("child", [sys.executable, "-c", SPEAKING], data_dir=tmp_path, ready=stranger)
    with pytest.raises(EmbeddedServiceError, match="exited with code 3"):
        await process.start()


async def test_a_start_that_is_cancelled_leaves_nothing_behind(tmp_path: Path) -> None:
    process = ChildProcess(
        "child", [sys.executable, "-c", STUBBORN], data_dir=tmp_path, ready=_exists(tmp_path / "never")
    )
    starting = asyncio.create_task(process.start())
    await until((tmp_path / "up").exists)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert process.exit_code == -signal.SIGKILL


async def test_starting_twice_is_refused_and_starting_again_is_not(child: Start, tmp_path: Path) -> None:
    process = child(OBEDIENT)
    await process.start()
    first = process.pid
    with pytest.raises(EmbeddedServiceError, match="runs already"):
        await process.start()
    await process.stop()
    (tmp_path / "up").unlink()
    await process.start()
    assert process.pid != first


async def test_the_child_gets_the_environment_it_is_given_and_nothing_else(
    child: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRAY", "1")
    process = child(f"import os; print(sorted(os.environ), flush=True)\n{OBEDIENT}", env={"WANTED": "1"})
    await process.start()
    shown = process.log_path.read_text()
    assert "WANTED" in shown
    assert "STRAY" not in shown


async def test_ctrl_c_in_the_terminal_does_not_reach_the_child(child: Start) -> None:
    process = child(OBEDIENT)
    await process.start()
    assert process.pid is not None
    assert os.getpgid(process.pid) != os.getpgrp()
    assert os.getsid(process.pid) != os.getsid(0)


# A parent that starts a child, tells its pid and then waits; run as a process of its own to be killed.
PARENT = """
import asyncio, pathlib, sys
sys.path.insert(0, {root!r})
from streams.embedded.process import ChildProcess

async def ready():
    return pathlib.Path({folder!r}, "up").exists()

async def main():
    child = ChildProcess("child", [sys.executable, "-c", {program!r}], data_dir=pathlib.Path({folder!r}), ready=ready)
    await child.start()
    print(child.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_the_death_of_the_parent_kills_the_child(tmp_path: Path) -> None:
    orphan = _orphan(PARENT.format(root=str(ROOT), folder=str(tmp_path), program=STUBBORN))
    await until(lambda: not orphan.alive())


async def test_an_orphan_is_ended_before_the_next_start(child: Start, tmp_path: Path) -> None:
    with _sleeper() as orphan:
        _write_pid_file(tmp_path, orphan.pid, parent=_ended_process())
        process = child(OBEDIENT)
        await process.start()
        assert process.alive
        assert orphan.wait(5) == -signal.SIGKILL


async def test_a_child_whose_parent_lives_is_left_alone(child: Start, tmp_path: Path) -> None:
    with _sleeper() as other:
        _write_pid_file(tmp_path, other.pid, parent=ProcessIdentity.of_this_process())
        with pytest.raises(EmbeddedServiceError, match=f"pid {other.pid}"):
            await child(OBEDIENT).start()
        assert other.poll() is None
        other.kill()


async def test_a_stranger_with_the_pid_of_the_last_child_is_left_alone(child: Start, tmp_path: Path) -> None:
    with _sleeper() as stranger:
        _write_pid_file(tmp_path, stranger.pid, parent=_ended_process(), began="long ago")
        await child(OBEDIENT).start()
        assert stranger.poll() is None
        stranger.kill()


async def test_a_pid_file_that_cannot_be_read_kills_nobody(child: Start, tmp_path: Path) -> None:
    (tmp_path / "child.pid").write_text('{"child": {"pid"')
    process = child(OBEDIENT)
    await process.start()
    assert process.alive


async def test_the_pid_file_lives_as_long_as_the_child(child: Start, tmp_path: Path) -> None:
    process = child(OBEDIENT)
    await process.start()
    assert json.loads((tmp_path / "child.pid").read_bytes())["child"]["pid"] == process.pid
    await process.stop()
    assert not (tmp_path / "child.pid").exists()


def _orphan(parent_script: str) -> ProcessIdentity:
    """Run a parent that prints its child's pid, kill it, and return the child."""
    with subprocess.Popen([sys.executable, "-c", parent_script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = ProcessIdentity.of(int(parent.stdout.readline()))
        parent.kill()
    assert child is not None
    return child


def _sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])


def _ended_process() -> ProcessIdentity:
    return ProcessIdentity.of_this_process().model_copy(update={"began": "in an earlier life"})


def _write_pid_file(folder: Path, pid: int, *, parent: ProcessIdentity, began: str | None = None) -> None:
    child = ProcessIdentity.of(pid)
    assert child is not None
    if began is not None:
        child = child.model_copy(update={"began": began})
    entry = {"child": child.model_dump(), "parent": parent.model_dump()}
    (folder / "child.pid").write_text(json.dumps(entry))
