from __future__ import annotations

import bz2
import gzip
import lzma
import zlib

import lz4.frame
import pytest
import zstandard

from streams.embedded.clickhouse import compression
from streams.embedded.clickhouse.errors import ClickHouseError

DATA = b"one request after the other " * 5000
ENCODINGS = ["gzip", "deflate", "lz4", "zstd", "xz", "bz2"]
PLAIN = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "lz4": lz4.frame.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    "xz": lzma.decompress,
    "bz2": bz2.decompress,
}


def encode(name: str, pieces: list[bytes]) -> bytes:
    encoder = compression.encoder(name)
    return b"".join(encoder.compress(piece) for piece in pieces) + encoder.flush()


@pytest.mark.parametrize("name", ENCODINGS)
def test_what_is_sent_can_be_read_by_the_usual_library(name: str) -> None:
    assert PLAIN[name](encode(name, [DATA[:1000], DATA[1000:]])) == DATA


@pytest.mark.parametrize("name", ENCODINGS)
def test_an_empty_result_is_a_proper_stream(name: str) -> None:
    assert PLAIN[name](encode(name, [])) == b""


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_body_may_be_cut_anywhere(name: str) -> None:
    body = encode(name, [DATA])
    pieces = [body[i : i + 7] for i in range(0, len(body), 7)]
    assert b"".join(compression.decoded(pieces, name)) == DATA


def test_gzip_members_may_follow_each_other() -> None:
    assert b"".join(compression.decoded([gzip.compress(b"a") + gzip.compress(b"b")], "gzip")) == b"ab"


def test_zstd_frames_may_follow_each_other() -> None:
    body = zstandard.compress(b"a") + zstandard.compress(b"b")
    assert b"".join(compression.decoded([body], "zstd")) == b"ab"


@pytest.mark.parametrize("name", ["", "identity"])
def test_a_plain_body_passes(name: str) -> None:
    assert b"".join(compression.decoded([b"a", b"b"], name)) == b"ab"


@pytest.mark.parametrize(("name", "code"), [("rot13", 48), ("gzip", 271), ("lz4", 271), ("zstd", 271), ("xz", 271)])
def test_a_body_that_is_not_what_it_says_is_refused(name: str, code: int) -> None:
    with pytest.raises(ClickHouseError) as refused:
        list(compression.decoded([b"certainly not compressed"], name))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip", "gzip"),
        ("gzip, deflate;q=0.5", "gzip"),
        ("lz4,zstd", "lz4"),
        ("zstd, deflate", "zstd"),
        ("identity", None),
        ("", None),
        ("rot13", None),
    ],
)
def test_the_encoding_is_one_the_client_takes(accepted: str, chosen: str | None) -> None:
    assert compression.choose(accepted) == chosen
