"""CityHash128 as ClickHouse froze it (version 1.0.2): the checksum of its compressed blocks."""

from __future__ import annotations

import struct

_MASK = (1 << 64) - 1
_K0 = 0xC3A5C85C97CB3127
_K1 = 0xB492B66FBE98F273
_K2 = 0x9AE16A3B2F90404F
_K3 = 0xC949D7C7509E6557
_MUL = 0x9DDFEA08EB382D69
_CHUNK = 128

_QUAD = struct.Struct("<Q")
_FOUR_QUADS = struct.Struct("<4Q")
_CHUNK_QUADS = struct.Struct("<16Q")


def _fetch64(data: bytes, at: int) -> int:
    quad: int = _QUAD.unpack_from(data, at)[0]
    return quad


def _rotate(value: int, shift: int) -> int:
    return (value >> shift | value << (64 - shift)) & _MASK


def _shift_mix(value: int) -> int:
    return value ^ value >> 47


def _mix(u: int, v: int) -> int:
    a = (u ^ v) * _MUL & _MASK
    a ^= a >> 47
    b = (v ^ a) * _MUL & _MASK
    b ^= b >> 47
    return b * _MUL & _MASK


def _up_to_16(data: bytes, at: int, length: int) -> int:
    if length > 8:
        a, b = _fetch64(data, at), _fetch64(data, at + length - 8)
        return _mix(a, _rotate((b + length) & _MASK, length)) ^ b
    if length >= 4:
        return _mix(
            length + (int.from_bytes(data[at : at + 4], "little") << 3),
            int.from_bytes(data[at + length - 4 : at + length], "little"),
        )
    if length > 0:
        y = data[at] + (data[at + (length >> 1)] << 8)
        z = length + (data[at + length - 1] << 2)
        return _shift_mix((y * _K2 ^ z * _K3) & _MASK) * _K2 & _MASK
    return _K2


def _weak32(w: int, x: int, y: int, z: int, a: int, b: int) -> tuple[int, int]:
    a = (a + w) & _MASK
    b = _rotate((b + a + z) & _MASK, 21)
    c = a
    a = (a + x + y) & _MASK
    b = (b + _rotate(a, 44)) & _MASK
    return (a + z) & _MASK, (b + c) & _MASK


def _weak32_at(data: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = _FOUR_QUADS.unpack_from(data, at)
    return _weak32(w, x, y, z, a, b)


def _murmur(data: bytes, at: int, length: int, a: int, b: int) -> tuple[int, int]:
    if length <= 16:
        a = _shift_mix(a * _K1 & _MASK) * _K1 & _MASK
        c = (b * _K1 + _up_to_16(data, at, length)) & _MASK
        d = _shift_mix((a + (_fetch64(data, at) if length >= 8 else c)) & _MASK)
    else:
        c = _mix((_fetch64(data, at + length - 8) + _K1) & _MASK, a)
        d = _mix((b + length) & _MASK, (c + _fetch64(data, at + length - 16)) & _MASK)
        a = (a + d) & _MASK
        left = length - 16
        while left > 0:
            a = (a ^ _shift_mix(_fetch64(data, at) * _K1 & _MASK) * _K1 & _MASK) * _K1 & _MASK
            b ^= a
            c = (c ^ _shift_mix(_fetch64(data, at + 8) * _K1 & _MASK) * _K1 & _MASK) * _K1 & _MASK
            d ^= c
            at += 16
            left -= 16
    a, b = _mix(a, c), _mix(d, b)
    return a ^ b, _mix(b, a)


def _seeded(data: bytes, at: int, x: int, y: int) -> tuple[int, int]:
    length = len(data) - at
    if length < _CHUNK:
        return _murmur(data, at, length, x, y)
    z = length * _K1 & _MASK
    v0 = (_rotate(y ^ _K1, 49) * _K1 + _fetch64(data, at)) & _MASK
    v1 = (_rotate(v0, 42) * _K1 + _fetch64(data, at + 8)) & _MASK
    w0 = (_rotate((y + z) & _MASK, 35) * _K1 + x) & _MASK
    w1 = _rotate((x + _fetch64(data, at + 88)) & _MASK, 53) * _K1 & _MASK
    while length >= _CHUNK:
        words = _CHUNK_QUADS.unpack_from(data, at)
        for q0, q1, q2, q3, q4, q5, q6, q7 in (words[:8], words[8:]):
            x = _rotate((x + y + v0 + q2) & _MASK, 37) * _K1 & _MASK
            y = _rotate((y + v1 + q6) & _MASK, 42) * _K1 & _MASK
            x ^= w1
            y ^= v0
            z = _rotate(z ^ w0, 33)
            v0, v1 = _weak32(q0, q1, q2, q3, v1 * _K1 & _MASK, (x + w0) & _MASK)
            w0, w1 = _weak32(q4, q5, q6, q7, (z + w1) & _MASK, y)
            x, z = z, x
        at += _CHUNK
        length -= _CHUNK
    y = (y + _rotate(w0, 37) * _K0 + z) & _MASK
    x = (x + _rotate((v0 + z) & _MASK, 49) * _K0) & _MASK
    done = 0
    while done < length:
        done += 32
        y = (_rotate((y - x) & _MASK, 42) * _K0 + v1) & _MASK
        w0 = (w0 + _fetch64(data, at + length - done + 16)) & _MASK
        x = (_rotate(x, 49) * _K0 + w0) & _MASK
        w0 = (w0 + v0) & _MASK
        v0, v1 = _weak32_at(data, at + length - done, v0, v1)
    x, y = _mix(x, v0), _mix(y, w0)
    return (_mix((x + v1) & _MASK, w1) + y) & _MASK, _mix((x + w1) & _MASK, (y + v1) & _MASK)


def cityhash128(data: bytes) -> bytes:
    """The checksum of some bytes, as it stands in a block."""
    length = len(data)
    if length >= 16:
        low, high = _seeded(data, 16, _fetch64(data, 0) ^ _K3, _fetch64(data, 8))
    elif length >= 8:
        low, high = _seeded(b"", 0, _fetch64(data, 0) ^ (length * _K0 & _MASK), _fetch64(data, length - 8) ^ _K1)
    else:
        low, high = _seeded(data, 0, _K0, _K1)
    return struct.pack("<QQ", low, high)
