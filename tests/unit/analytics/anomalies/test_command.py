from __future__ import annotations

import csv
import io
import json
import tarfile
from pathlib import Path

import pytest

from streams.cli.app import run

RECORDED = "timestamp,value\n2014-04-01 00:00:00,20.0\n2014-04-01 00:05:00,2e1\n"


def packed(file: Path, members: dict[str, str], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(file, "w:gz") as archive:
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
        for name, to in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, to
            archive.addfile(member)
    return file


def evaluate(*arguments: object) -> int:
    return run(["evaluate", "anomalies", *map(str, arguments)])


def wrong(capsys: pytest.CaptureFixture[str], streams: Path) -> str:
    output = streams.parent / "output"
    assert evaluate("--streams", streams, "--output", output) == 2
    return " ".join(capsys.readouterr().err.split())


def test_every_point_gets_a_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = [f"2014-04-01 {number // 12:02}:{number % 12 * 5:02}:00,{10 + number % 3}" for number in range(200)]
    points[150] = points[150].partition(",")[0] + ",999.50"
    members = {
        "labels/combined_windows.json": "{}",
        "data/README": "about",
        "./data/real/a b.csv": "\n".join(["timestamp,value", *points]),
        "data/real/._a b.csv": "what macOS adds",
        "data/made/c.csv": RECORDED,
    }
    streams, output = packed(tmp_path / "streams.tar.gz", members), tmp_path / "some" / "where"
    assert evaluate("--streams", streams, "--output", output, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report == {"streams": 2, "points": 202, "folders": {"real": 1, "made": 1}}
    assert sorted(str(file.relative_to(output)) for file in output.rglob("*.csv")) == ["made/c.csv", "real/a b.csv"]
    with (output / "real" / "a b.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [f"{row['timestamp']},{row['value']}" for row in rows] == points
    scores = [float(row["anomaly_score"]) for row in rows]
    assert all(0 <= score <= 1 for score in scores)
    assert scores.index(max(scores)) == 150
    assert list(rows[0]) == ["timestamp", "value", "anomaly_score"]


def test_values_are_written_as_they_were_read(tmp_path: Path) -> None:
    streams = packed(tmp_path / "streams.tar", {"data/made/c.csv": RECORDED})
    assert evaluate("--streams", streams, "--output", tmp_path) == 0
    assert (tmp_path / "made" / "c.csv").read_text().splitlines()[2].startswith("2014-04-01 00:05:00,2e1,0.")


def test_a_summary_is_told_to_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    streams = packed(tmp_path / "streams.tar", {"data/made/c.csv": RECORDED})
    assert evaluate("--streams", streams, "--output", tmp_path / "out") == 0
    assert "scored 2 points of 1 streams" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("timestamp,amount\n1,2\n", "column 'value' is missing; name the columns timestamp and value"),
        ("timestamp,value\n", "there are no rows"),
        ("", "column 'timestamp' is missing"),
        (RECORDED + "2014-04-01 00:10:00,much\n", "line 4, value: 'much' is no finite number"),
        (RECORDED + "2014-04-01 00:10:00,nan\n", "line 4, value: 'nan' is no finite number"),
        (RECORDED + "2014-04-01 00:10:00,\n", "line 4, value: '' is no finite number"),
        (RECORDED + "yesterday,1\n", "line 4, timestamp: 'yesterday' is no time; write it as"),
        (RECORDED + "2014-04-01 00:10:00\n", "not as many fields"),
    ],
)
def test_wrong_rows_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str) -> None:
    message = wrong(capsys, packed(tmp_path / "streams.tar.gz", {"data/made/c.csv": text}))
    assert "data/made/c.csv" in message
    assert said in message


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = wrong(capsys, tmp_path / "streams.tar.gz")
    assert "--streams" in message
    assert "give a tar file" in message


@pytest.mark.parametrize("junk", [b"", b"timestamp,value\n1,2\n", b"\x1f\x8b\x08\x00junk"])
def test_what_is_no_tar_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], junk: bytes) -> None:
    (tmp_path / "streams.tar.gz").write_bytes(junk)
    assert "give a tar file" in wrong(capsys, tmp_path / "streams.tar.gz")


def test_a_tar_file_that_is_cut_off_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = packed(tmp_path / "whole.tar.gz", {"data/made/c.csv": RECORDED * 50}).read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    assert "--streams" in wrong(capsys, tmp_path / "cut.tar.gz")


def test_a_tar_file_without_streams_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = wrong(capsys, packed(tmp_path / "streams.tar.gz", {"other/made/c.csv": RECORDED}))
    assert "pack the folder `data`" in message


@pytest.mark.parametrize(
    "name", ["data/../c.csv", "data/./c.csv", "data/.ssh/c.csv", "data/a\\b/c.csv", "data/a/\tc.csv"]
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert "is no plain name" in wrong(capsys, packed(tmp_path / "streams.tar.gz", {name: RECORDED}))
    assert list(tmp_path.rglob("*.csv")) == []


@pytest.mark.parametrize("name", ["/data/a/c.csv", "../data/a/c.csv", "data/a/../../c.csv", "data/a/b/c.csv"])
def test_files_at_other_places_are_no_streams(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert "pack the folder `data`" in wrong(capsys, packed(tmp_path / "streams.tar.gz", {name: RECORDED}))
    assert list(tmp_path.rglob("*.csv")) == []


def test_links_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    streams = packed(tmp_path / "streams.tar.gz", {}, {"data/a/c.csv": "/etc/passwd"})
    assert "is no file; pack what it points to" in wrong(capsys, streams)


def test_a_stream_that_is_there_twice_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    streams = packed(tmp_path / "streams.tar.gz", {"data/a/c.csv": RECORDED, "./data/a/c.csv": RECORDED})
    assert "is there twice" in wrong(capsys, streams)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    streams = packed(tmp_path / "streams.tar.gz", {"data/made/c.csv": RECORDED})
    (tmp_path / "taken").write_text("")
    assert evaluate("--streams", streams, "--output", tmp_path / "taken" / "below") == 2
    assert "--output" in capsys.readouterr().err
