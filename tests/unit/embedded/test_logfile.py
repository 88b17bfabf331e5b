from __future__ import annotations

from pathlib import Path

from streams.embedded.logfile import last_lines, rotate


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("small\n")
    rotate(log, limit_bytes=100)
    assert log.read_text() == "small\n"
    assert not (tmp_path / "a.log.1").exists()


def test_a_log_that_outgrew_the_limit_moves_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("a") as writer:
        writer.write("x" * 101)
        writer.flush()
        rotate(log, limit_bytes=100)
        writer.write("after")
    assert (tmp_path / "a.log.1").read_text() == "x" * 101
    assert log.read_text() == "after"


def test_no_log_is_no_error(tmp_path: Path) -> None:
    rotate(tmp_path / "none.log")
    assert last_lines(tmp_path / "none.log") == ""


def test_the_last_lines_are_few_and_short(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(10_000)) + b"\xff end\n")
    shown = last_lines(log, count=3)
    assert shown == "line 9998\nline 9999\n\ufffd end"
    assert len(last_lines(log, count=10_000, most_bytes=100)) <= 100
