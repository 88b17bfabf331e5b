"""A request of ClickHouse's HTTP interface, read from its URL and headers."""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from streams.embedded.clickhouse.analysts import LOGIN_MARK
from streams.embedded.clickhouse.config import DEFAULT_FORMAT, KIB, EndpointConfig
from streams.embedded.clickhouse.errors import ClickHouseError

_PARAMETER_PREFIX = "param_"
_DEFAULT_BUFFER_BYTES = 128 * KIB
_TRUE = frozenset(("1", "true", "on", "yes"))

# URL parameters that are not settings: these are read here, by name, or have no meaning for one embedded user
_NOT_SETTINGS = frozenset(
    (
        "user", "password", "quota_key", "query", "query_id", "database", "default_format", "session_id",
        "session_timeout", "session_check", "close_session", "stacktrace", "role", "buffer_size", "wait_end_of_query",
        "compress", "decompress", "client_protocol_version",
    )
)  # fmt: skip
_EXTERNAL_TABLE_SUFFIXES = ("_structure", "_types", "_format")


@dataclass(slots=True)
class QueryRequest:
    """One query as the client asked for it.

    Attributes:
        query: The statement, or the first part of it when a body follows.
        settings: The engine's settings for this query only.
        params: Values for `{name:Type}` placeholders.
        external: Structure and format of external tables, by table and what is told of it.
        login: The name and password of an analyst, who is looked up where the engine is; None for its own user.
    """

    query: bytes = b""
    query_id: str = ""
    database: str = ""
    default_format: str = DEFAULT_FORMAT
    session_id: str = ""
    session_timeout_seconds: int = 0
    session_check: bool = False
    close_session: bool = False
    wait_end_of_query: bool = False
    buffer_bytes: int = _DEFAULT_BUFFER_BYTES
    client_protocol_version: int = 0
    native_compression: bool = False
    native_decompression: bool = False
    accept_encoding: str = ""
    content_encoding: str = ""
    roles: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    external: dict[str, str] = field(default_factory=dict)
    login: tuple[str, str] | None = field(default=None, repr=False)

    def flag(self, setting: str, default: bool = False) -> bool:
        """Whether a boolean setting is on."""
        value = self.settings.get(setting)
        return default if value is None else is_true(value)


def is_true(value: str) -> bool:
    """Whether a URL parameter's text means yes."""
    return value.lower() in _TRUE


def _integer(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ClickHouseError(
            27, "CANNOT_PARSE_INPUT_ASSERTION_FAILED", f"Cannot parse '{value}' as the number {name} has to be"
        ) from None


def pairs_of(query_string: str) -> list[tuple[str, str]]:
    """The parameters of a URL; bytes that are not UTF-8 survive as surrogates."""
    return parse_qsl(query_string, keep_blank_values=True, errors="surrogateescape")


def read_request(
    config: EndpointConfig, method: str, query_string: str, headers: Mapping[str, str], multipart: bool
) -> QueryRequest:
    """Read a request, its body aside.

    Raises:
        ClickHouseError: Wrong credentials, or a parameter that cannot be what it is.
    """
    pairs = pairs_of(query_string)
    login = _authenticate(config, dict(pairs), headers)
    request = QueryRequest(
        login=login,
        query_id=headers.get("X-ClickHouse-Query-Id", ""),
        database=headers.get("X-ClickHouse-Database", ""),
        default_format=headers.get("X-ClickHouse-Format", DEFAULT_FORMAT),
        accept_encoding=headers.get("Accept-Encoding", ""),
        content_encoding=headers.get("Content-Encoding", ""),
        session_timeout_seconds=config.default_session_timeout_seconds,
    )
    apply_pairs(request, pairs, multipart)
    if not 0 <= request.session_timeout_seconds <= config.max_session_timeout_seconds:
        raise ClickHouseError(
            374,
            "INVALID_SESSION_TIMEOUT",
            f"Session timeout '{request.session_timeout_seconds}' is larger than max_session_timeout: "
            f"{config.max_session_timeout_seconds}. Maximum session timeout could be modified in configuration file.",
        )
    if method in ("GET", "HEAD") and request.settings.get("readonly", "0") == "0":
        request.settings["readonly"] = "2"
    if not request.query_id:
        request.query_id = str(uuid.uuid4())
    return request


def apply_pairs(request: QueryRequest, pairs: Iterable[tuple[str, str]], multipart: bool = False) -> None:  # noqa: C901 - one flat table of names
    """Read parameters, from the URL or from form fields, into a request."""
    for name, value in pairs:
        if name.startswith(_PARAMETER_PREFIX):
            request.params[name.removeprefix(_PARAMETER_PREFIX)] = value
        elif name not in _NOT_SETTINGS:
            if multipart and name.endswith(_EXTERNAL_TABLE_SUFFIXES):
                request.external[name] = value
            else:
                request.settings[name] = value
        elif name == "query":
            request.query += value.encode(errors="surrogateescape")
        elif name in ("wait_end_of_query", "session_check", "close_session"):
            setattr(request, name, is_true(value))
        elif name == "compress":
            request.native_compression = is_true(value)
        elif name == "decompress":
            request.native_decompression = is_true(value)
        elif name == "client_protocol_version":
            request.client_protocol_version = _integer(name, value)
        elif name == "session_timeout":
            request.session_timeout_seconds = _integer(name, value)
        elif name == "buffer_size":
            request.buffer_bytes = _integer(name, value)
        elif name == "role":
            request.roles.append(value)
        elif name in ("query_id", "database", "default_format", "session_id"):
            if value:
                setattr(request, name, value)
            elif name == "session_id":
                raise ClickHouseError(
                    744, "SESSION_ID_EMPTY", "Session id query parameter was provided, but it was empty"
                )


def _authenticate(
    config: EndpointConfig, url: Mapping[str, str], headers: Mapping[str, str]
) -> tuple[str, str] | None:
    user, password = _credentials(url, headers)
    if LOGIN_MARK in user and user != config.user:
        return user, password
    right = hmac.compare_digest(user.encode(errors="replace"), config.user.encode())
    right &= hmac.compare_digest(password.encode(errors="replace"), config.password.encode())
    if not right:
        raise ClickHouseError(
            516,
            "AUTHENTICATION_FAILED",
            f"{user}: Authentication failed: password is incorrect, or there is no user with such name.",
        )
    return None


def _credentials(url: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str]:
    authorization = headers.get("Authorization", "")
    if "X-ClickHouse-User" in headers or "X-ClickHouse-Key" in headers:
        if authorization or "user" in url or "password" in url:
            raise ClickHouseError(
                516,
                "AUTHENTICATION_FAILED",
                "Invalid authentication: it is not allowed to use X-ClickHouse HTTP headers and other "
                "authentication methods simultaneously",
            )
        return headers.get("X-ClickHouse-User", "default"), headers.get("X-ClickHouse-Key", "")
    if authorization:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "basic":
            raise ClickHouseError(
                516,
                "AUTHENTICATION_FAILED",
                f"Invalid authentication: '{scheme}' HTTP Authorization scheme is not supported",
            )
        try:
            user, _, password = base64.b64decode(token, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise ClickHouseError(516, "AUTHENTICATION_FAILED", "Invalid authentication: cannot decode it") from None
        return user, password
    return url.get("user", "default"), url.get("password", "")
