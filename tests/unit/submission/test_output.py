from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import ConfigurationError
from streams.submission.output import Output


def test_rows_are_appended_behind_the_cut(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"one\ntwo\nhalf a ro")
    with Output(path) as output:
        assert output.size == 17
        output.cut(8)
        output.append([b"three\n", b"four\n"])
        output.synchronise()
        assert output.size == 19
    assert path.read_bytes() == b"one\ntwo\nthree\nfour\n"


def test_only_one_submit_writes_an_output(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with Output(path), pytest.raises(ConfigurationError, match="another submit is writing"):
        Output(path).__enter__()
    with Output(path):
        pass


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot write .*nowhere/out: No such file"):
        Output(tmp_path / "nowhere" / "out").__enter__()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_a_clear_error() -> None:
    with Output(Path("/dev/full")) as output, pytest.raises(ConfigurationError, match="No space left on device; run"):
        output.append([b"row\n"])
