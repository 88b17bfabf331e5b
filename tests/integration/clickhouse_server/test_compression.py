from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable

import httpx
import lz4.frame
import pytest
import zstandard

from streams.embedded.clickhouse.block_compression import BlockEncoder, decoded_blocks

Codec = Callable[[bytes], bytes]
CODECS: dict[str, tuple[Codec, Codec]] = {
    "gzip": (gzip.compress, gzip.decompress),
    "deflate": (zlib.compress, zlib.decompress),
    "lz4": (lz4.frame.compress, lz4.frame.decompress),
    "zstd": (zstandard.compress, lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
    "xz": (lzma.compress, lzma.decompress),
    "bz2": (bz2.compress, bz2.decompress),
}


def raw(http: httpx.Client, accept: str, sql: str, **url: int) -> tuple[httpx.Headers, bytes]:
    with http.stream("POST", "/", params=url, content=sql, headers={"Accept-Encoding": accept}) as answer:
        assert answer.status_code == 200
        return answer.headers, b"".join(answer.iter_raw())


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("rows", [1, 400_000])
@pytest.mark.parametrize("format_name", ["TSV", "JSONCompactColumns"])
def test_results_are_compressed_when_asked(http: httpx.Client, name: str, rows: int, format_name: str) -> None:
    sql = f"SELECT number FROM numbers({rows}) FORMAT {format_name}"
    headers, body = raw(http, name, sql, enable_http_compression=1)
    assert headers["Content-Encoding"] == name
    plain_headers, plain = raw(http, name, sql)
    assert "Content-Encoding" not in plain_headers
    assert CODECS[name][1](body) == plain


@pytest.mark.parametrize("name", CODECS)
def test_bodies_may_be_compressed(http: httpx.Client, table: str, name: str) -> None:
    rows = b"".join(b"%d\ttext %d\n" % (number, number) for number in range(100_000))
    answer = http.post(
        "/",
        params={"query": f"INSERT INTO {table} FORMAT TSV"},
        content=CODECS[name][0](rows),
        headers={"Content-Encoding": name},
    )
    assert answer.status_code == 200, answer.text
    assert http.post("/", content=f"SELECT count(), sum(a) FROM {table}").text == "100000\t4999950000\n"
    query = http.post("/", content=CODECS[name][0](b"SELECT 1"), headers={"Content-Encoding": name})
    assert query.text == "1\n"


def test_a_body_that_is_not_compressed_is_refused(http: httpx.Client, table: str) -> None:
    answer = http.post(
        "/",
        params={"query": f"INSERT INTO {table} FORMAT TSV"},
        content=b"1\tx",
        headers={"Content-Encoding": "gzip"},
    )
    assert answer.headers["X-ClickHouse-Exception-Code"] == "271"


def test_clickhouses_own_framing_goes_both_ways(http: httpx.Client, table: str) -> None:
    encoder = BlockEncoder()
    rows = b"".join(b"%d\tx\n" % number for number in range(200_000))
    body = encoder.compress(rows) + encoder.flush()
    answer = http.post("/", params={"query": f"INSERT INTO {table} FORMAT TSV", "decompress": 1}, content=body)
    assert answer.status_code == 200, answer.text
    packed = http.post("/", params={"compress": 1}, content=f"SELECT * FROM {table} ORDER BY a FORMAT TSV").content
    assert b"".join(decoded_blocks([packed])) == rows
