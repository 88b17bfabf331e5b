"""What ClickHouse's Native format has for clients that name a protocol version, and the engine's own has not."""

from __future__ import annotations

# field 1: no overflow rows; field 2: no bucket; field 0: the end
_BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"


class NativeRewriter:
    """Makes blocks of protocol version 0 into blocks of the version a client asked for."""

    def __init__(self, protocol_version: int) -> None:
        self._protocol_version = protocol_version

    def rewrite(self, block: bytes) -> bytes:
        """One block as the client expects it."""
        return _BLOCK_INFO + block if self._protocol_version > 0 else block
