"""ClickHouse's errors: parsed from the engine's text, and written the way its HTTP interface writes them."""

from __future__ import annotations

import re

from schemas.errors import AsahiError

UNKNOWN_EXCEPTION = 1002

_PATTERN = re.compile(r"Code: (?P<code>\d+)\. (?P<text>.*)", re.DOTALL)
_NAME = re.compile(r"\((?P<name>[A-Z][A-Z0-9_]+)\)(?: \(version .*\))?\s*$")
_VERSION = re.compile(r" \(version [^()]*(\([^()]*\))?\)\s*$")

_STATUS_BY_NAME: dict[str, int] = (
    {"REQUIRED_PASSWORD": 401}
    | dict.fromkeys(
        ("UNKNOWN_USER", "WRONG_PASSWORD", "AUTHENTICATION_FAILED", "SET_NON_GRANTED_ROLE", "ACCESS_DENIED"), 403
    )
    | dict.fromkeys(
        (
            "BAD_ARGUMENTS",
            "CANNOT_COMPILE_REGEXP",
            "CANNOT_PARSE_DATE",
            "CANNOT_PARSE_DATETIME",
            "CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING",
            "CANNOT_PARSE_ESCAPE_SEQUENCE",
            "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
            "CANNOT_PARSE_IPV4",
            "CANNOT_PARSE_IPV6",
            "CANNOT_PARSE_NUMBER",
            "CANNOT_PARSE_QUOTED_STRING",
            "CANNOT_PARSE_TEXT",
            "CANNOT_PARSE_UUID",
            "DUPLICATE_COLUMN",
            "ILLEGAL_COLUMN",
            "INCORRECT_DATA",
            "SYNTAX_ERROR",
            "THERE_IS_NO_COLUMN",
            "TOO_BIG_AST",
            "TOO_DEEP_AST",
            "TYPE_MISMATCH",
            "UNEXPECTED_AST_STRUCTURE",
            "UNKNOWN_ELEMENT_IN_AST",
            "UNKNOWN_TYPE_OF_AST_NODE",
            "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
        ),
        400,
    )
    | dict.fromkeys(
        (
            "UNKNOWN_AGGREGATE_FUNCTION",
            "UNKNOWN_DATABASE",
            "UNKNOWN_DATABASE_ENGINE",
            "UNKNOWN_DIRECTION_OF_SORTING",
            "UNKNOWN_FORMAT",
            "UNKNOWN_FUNCTION",
            "UNKNOWN_IDENTIFIER",
            "UNKNOWN_ROLE",
            "UNKNOWN_SETTING",
            "UNKNOWN_STORAGE",
            "UNKNOWN_TABLE",
            "UNKNOWN_TYPE",
            "UNKNOWN_TYPE_OF_QUERY",
        ),
        404,
    )
    | {
        "QUERY_IS_TOO_LARGE": 413,
        "NOT_IMPLEMENTED": 501,
        "SOCKET_TIMEOUT": 503,
        "CANNOT_OPEN_FILE": 503,
        "CANNOT_SCHEDULE_TASK": 503,
        "HTTP_LENGTH_REQUIRED": 411,
        "TIMEOUT_EXCEEDED": 408,
        "UNSUPPORTED_MEDIA_TYPE": 415,
    }
)
_INTERNAL_SERVER_ERROR = 500


class ClickHouseError(AsahiError):
    """An error a ClickHouse client gets to see.

    Args:
        code: ClickHouse's error number.
        name: Its name, e.g. `UNKNOWN_TABLE`.
        text: What went wrong, without code, name and version.
    """

    def __init__(self, code: int, name: str, text: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {text} ({name})")
        self.code = code
        self.name = name
        self.text = text

    @property
    def http_status(self) -> int:
        """The HTTP status ClickHouse answers this error with."""
        return _STATUS_BY_NAME.get(self.name, _INTERNAL_SERVER_ERROR)

    def render(self, version: str) -> bytes:
        """The error as an HTTP body: one line, ending in the server's version."""
        return f"{self} (version {version})\n".encode(errors="surrogateescape")

    def render_mid_stream(self, version: str, tag: str) -> bytes:
        """The error as the block that ends a response whose headers are gone already."""
        message = self.render(version)
        frame = tag.encode()
        length = str(len(message)).encode()
        return b"\r\n__exception__\r\n" + frame + b"\r\n" + message + length + b" " + frame + b"\r\n__exception__\r\n"


class ClientGone(AsahiError):
    """The client closed its connection before it had the whole answer."""


def from_engine(error: Exception) -> ClickHouseError:
    """Turn what the engine raised into a `ClickHouseError`, whatever wrapping it came in."""
    match = _PATTERN.search(str(error))
    if match is None:
        return ClickHouseError(UNKNOWN_EXCEPTION, "UNKNOWN_EXCEPTION", str(error))
    text = match["text"].removeprefix("DB::Exception: ").rstrip()
    name = _NAME.search(text)
    text = _VERSION.sub("", text)
    if name is None:
        return ClickHouseError(int(match["code"]), "UNKNOWN_EXCEPTION", text)
    return ClickHouseError(int(match["code"]), name["name"], text[: name.start()].rstrip())
