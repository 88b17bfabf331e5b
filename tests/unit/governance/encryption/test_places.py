"""A search sees every byte of every file, also across the border of two chunks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agents.governance.encryption.places import CHUNK_BYTES, OVERLAP_BYTES, files

NEEDLE = b"zebrafish" * 8


@pytest.mark.parametrize(
    "at",
    [0, CHUNK_BYTES - len(NEEDLE), CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 100],
    ids=["start", "before the border", "across it", "behind it", "end"],
)
def test_what_lies_anywhere_in_a_file_is_whole_in_a_chunk(tmp_path: Path, at: int) -> None:
    path = tmp_path / "part.bin"
    path.write_bytes(bytes(at) + NEEDLE + bytes(CHUNK_BYTES + 200 - at))
    chunks = list(files(tmp_path))
    assert {place for place, _ in chunks} == {path}
    assert any(NEEDLE in chunk for _, chunk in chunks)
    assert max(len(chunk) for _, chunk in chunks) <= CHUNK_BYTES + OVERLAP_BYTES


def test_every_file_below_is_given_and_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"of others")
    folder = tmp_path / "data"
    (folder / "store" / "deep").mkdir(parents=True)
    (folder / "store" / "deep" / "column.bin").write_bytes(b"one")
    (folder / ".hidden").write_bytes(b"two")
    (folder / "empty").touch()
    (folder / "link").symlink_to(outside)
    assert [chunk for _, chunk in files(folder)] == [b"two", b"one"]


def test_a_file_that_cannot_be_read_any_more_ends_nothing(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(name.encode())
    seen = files(tmp_path)
    assert next(seen) == (tmp_path / "a", b"a")
    (tmp_path / "b").unlink()
    assert [chunk for _, chunk in seen] == [b"c"]


def test_a_folder_that_vanishes_while_files_are_read_is_passed_over(tmp_path: Path) -> None:
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").write_bytes(folder.encode())
    found = files(tmp_path)
    assert next(found) == (tmp_path / "a" / "file", b"a")
    shutil.rmtree(tmp_path / "b")
    assert list(found) == [(tmp_path / "c" / "file", b"c")]
