from __future__ import annotations

import pytest

from schemas.errors import AsahiError
from streams.embedded.clickhouse.errors import UNKNOWN_EXCEPTION, ClickHouseError, from_engine

ENGINE_TEXT = "Code: 60. DB::Exception: Table default.nope does not exist. Maybe (you) meant x?. (UNKNOWN_TABLE)"


@pytest.mark.parametrize(
    "wrapped",
    [
        ENGINE_TEXT,
        f"Failed to create connection: {ENGINE_TEXT}",
        f"Streaming query failed: {ENGINE_TEXT}",
        f"{ENGINE_TEXT} (version 26.9.2.1)",
        f"{ENGINE_TEXT} (version 26.9.2.1 (official build))\n",
    ],
)
def test_the_engines_text_is_read_whatever_is_around_it(wrapped: str) -> None:
    error = from_engine(RuntimeError(wrapped))
    assert (error.code, error.name, error.http_status) == (60, "UNKNOWN_TABLE", 404)
    assert error.text == "Table default.nope does not exist. Maybe (you) meant x?."
    assert error.render("1.2") == f"{ENGINE_TEXT} (version 1.2)\n".encode()


def test_text_over_several_lines_keeps_its_name() -> None:
    error = from_engine(RuntimeError("Code: 27. DB::Exception: bad: (at row 1)\n: While x. (CANNOT_PARSE_NUMBER)"))
    assert (error.code, error.name) == (27, "CANNOT_PARSE_NUMBER")
    assert error.text == "bad: (at row 1)\n: While x."


def test_an_error_of_unknown_make_is_still_an_error() -> None:
    error = from_engine(RuntimeError("boom"))
    assert (error.code, error.http_status) == (UNKNOWN_EXCEPTION, 500)
    assert isinstance(error, AsahiError)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("SYNTAX_ERROR", 400),
        ("AUTHENTICATION_FAILED", 403),
        ("REQUIRED_PASSWORD", 401),
        ("UNKNOWN_DATABASE", 404),
        ("TIMEOUT_EXCEEDED", 408),
        ("QUERY_IS_TOO_LARGE", 413),
        ("NOT_IMPLEMENTED", 501),
        ("SESSION_IS_LOCKED", 500),
    ],
)
def test_status_codes_are_the_servers(name: str, status: int) -> None:
    assert ClickHouseError(1, name, "x").http_status == status


def test_the_block_in_the_middle_of_a_stream_carries_its_tag_twice() -> None:
    block = ClickHouseError(1, "X", "bad").render_mid_stream("9", "abcd")
    message = b"Code: 1. DB::Exception: bad (X) (version 9)\n"
    assert block == b"\r\n__exception__\r\nabcd\r\n%s%d abcd\r\n__exception__\r\n" % (message, len(message))
