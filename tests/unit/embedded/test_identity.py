from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from streams.embedded.identity import ProcessIdentity, _began_elsewhere


def test_this_process_is_itself() -> None:
    this = ProcessIdentity.of_this_process()
    assert this.pid == os.getpid()
    assert this.alive()
    assert ProcessIdentity.model_validate_json(this.model_dump_json()) == this


def test_a_pid_that_began_at_another_time_is_somebody_else() -> None:
    this = ProcessIdentity.of_this_process()
    assert not this.model_copy(update={"began": this.began + "0"}).alive()


def test_a_process_that_ended_is_not_alive_even_before_it_is_reaped() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = ProcessIdentity.of(child.pid)
    assert identity is not None
    assert identity.alive()
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, and still a zombie
    assert not identity.alive()
    child.communicate()
    assert not identity.alive()


def test_the_name_of_a_program_cannot_confuse_the_reading(tmp_path: os.PathLike[str]) -> None:
    odd = os.path.join(tmp_path, "a) R 1 (b")
    os.symlink(sys.executable, odd)
    with subprocess.Popen(
        [odd, "-c", "print(flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        identity = ProcessIdentity.of(child.pid)
        assert identity is not None
        assert identity.began.rpartition("/")[2].isdigit()
        assert int(identity.began.rpartition("/")[2]) >= int(
            ProcessIdentity.of_this_process().began.rpartition("/")[2]
        )
        child.communicate(b"\n")


@pytest.mark.skipif(shutil.which("ps", path="/bin") is None, reason="this system has no /bin/ps")
def test_systems_without_proc_ask_ps() -> None:
    this = _began_elsewhere(os.getpid())
    assert this
    assert _began_elsewhere(os.getpid()) == this
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert _began_elsewhere(child.pid) is None  # a zombie
    child.wait()
    assert _began_elsewhere(child.pid) is None
