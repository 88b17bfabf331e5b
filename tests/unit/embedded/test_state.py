from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.errors import ConfigurationError
from streams.embedded.identity import ProcessIdentity
from streams.embedded.state import FolderLock, StackState, find_stack, forget_stack


def _state(owner: ProcessIdentity) -> StackState:
    return StackState(
        owner=owner,
        cluster_id="embedded-1",
        bootstrap="127.0.0.1:9092",
        broker_pid=1,
        clickhouse_url="http://127.0.0.1:8123",
        clickhouse_pid=2,
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_a_running_stack_is_found(tmp_path: Path) -> None:
    state = _state(ProcessIdentity.of_this_process())
    state.write(tmp_path)
    assert find_stack(tmp_path) == state
    forget_stack(tmp_path)
    assert find_stack(tmp_path) is None


def test_a_stack_whose_owner_is_gone_is_not_found_though_its_pid_is_in_use(tmp_path: Path) -> None:
    this = ProcessIdentity.of_this_process()
    _state(this.model_copy(update={"began": "before the last boot"})).write(tmp_path)
    assert find_stack(tmp_path) is None


def test_an_unreadable_state_file_means_no_stack(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("{")
    assert find_stack(tmp_path) is None


def test_no_folder_means_no_stack(tmp_path: Path) -> None:
    assert find_stack(tmp_path / "missing") is None


def test_two_stacks_cannot_use_one_folder(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    first.acquire()
    with pytest.raises(ConfigurationError) as refused:
        second.acquire()
    assert str(tmp_path) in str(refused.value)
    assert str(ProcessIdentity.of_this_process().pid) in str(refused.value)
    assert "embedded.data_dir" in str(refused.value)
    first.release()
    second.acquire()
    second.release()


def test_two_folders_do_not_concern_each_other(tmp_path: Path) -> None:
    locks = [FolderLock(tmp_path / name) for name in ("a", "b")]
    for lock in locks:
        lock.acquire()
    for lock in locks:
        lock.release()
