"""A result on its way out: compressed if the client takes it, counted, and ended properly or with an exception."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.embedded.clickhouse import compression
from streams.embedded.clickhouse.block_compression import BlockEncoder
from streams.embedded.clickhouse.connection import Counters
from streams.embedded.clickhouse.errors import ClickHouseError, ClientGone
from streams.embedded.clickhouse.output import OutputChannel
from streams.embedded.clickhouse.request import QueryRequest

_LEVEL_SETTING = "http_zlib_compression_level"


@dataclass(slots=True)
class Outcome:
    """What the response's headers tell of a result.

    Attributes:
        format: The result's format; None for statements without a result.
        encoding: Its `Content-Encoding`.
        counters: What was read and written so far.
    """

    format: str | None = None
    encoding: str | None = None
    counters: Counters = field(default_factory=Counters)


class ResultWriter:
    """Takes the formatted result in the query's thread."""

    def __init__(self, request: QueryRequest, output: OutputChannel) -> None:
        self._request = request
        self._output = output
        self._encoder: compression.Encoder | None = None
        self.outcome = Outcome()

    def begin(self, format_name: str) -> None:
        """Say which format is coming."""
        self.outcome.format = format_name
        request = self._request
        if request.native_compression:
            self._encoder = BlockEncoder()
        elif request.flag("enable_http_compression"):
            self.outcome.encoding = compression.choose(request.accept_encoding)
        if self.outcome.encoding:
            level = request.settings.get(_LEVEL_SETTING, "")
            self._encoder = compression.encoder(self.outcome.encoding, int(level) if level.isdigit() else None)

    def write(self, data: bytes) -> None:
        """Pass on the next piece.

        Raises:
            ClientGone: Nobody reads any more.
        """
        if self._output.gone:
            raise ClientGone
        self.outcome.counters.result_bytes += len(data)
        if self._encoder is not None:
            data = self._encoder.compress(data)
        if data:
            self._output.write(data)

    def end(self) -> None:
        """The result is complete."""
        if self._encoder is not None:
            tail, self._encoder = self._encoder.flush(), None
            self._output.write(tail)

    def trailer(self, error: ClickHouseError, version: str, tag: str) -> bytes:
        """The end of a response that has begun and cannot be completed."""
        block = error.render_mid_stream(version, tag)
        return block if self._encoder is None else self._encoder.compress(block) + self._encoder.flush()
