"""A sealed request opens for its tenant's key alone, and only as the request it was sealed as."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.sealed import SealedContent
from streams.sealing.binding import SealBroken
from streams.sealing.envelope import ContentKey
from streams.sealing.requests import RequestOpener, RequestSealer

KEY = ContentKey("ab" * 16, bytes(range(32)), os.urandom)
texts = st.text(max_size=100)


def request(prompt: str = "a secret") -> dict[str, Any]:
    return {"id": "r-1", "tenant": "acme", "prompt": prompt, "mode": "autopilot", "tools": [{"name": prompt}]}


def sealed_request(prompt: str = "a secret") -> dict[str, Any]:
    return RequestSealer(KEY.id, RequestOpener(KEY).public_key).seal(request(prompt))


@given(prompt=texts)
def test_what_was_sealed_is_opened_and_nothing_of_it_stays_readable(prompt: str) -> None:
    sealed = sealed_request("needle " + prompt)
    assert b"needle" not in orjson.dumps(sealed)
    assert set(sealed) == {"id", "tenant", "mode", "sealed"}
    content = orjson.loads(RequestOpener(KEY).open(SealedContent(**sealed["sealed"]), "acme", "r-1"))
    assert content == {field: request("needle " + prompt)[field] for field in ("prompt", "tools")}


@pytest.mark.parametrize(("tenant", "request_id"), [("other", "r-1"), ("acme", "r-2")])
def test_another_tenant_or_request_does_not_open_it(tenant: str, request_id: str) -> None:
    with pytest.raises(SealBroken):
        RequestOpener(KEY).open(SealedContent(**sealed_request()["sealed"]), tenant, request_id)


@given(part=st.sampled_from(["ephemeral", "nonce", "ciphertext"]), data=st.data())
def test_a_flipped_bit_in_any_part_is_noticed(part: str, data: st.DataObject) -> None:
    sealed = sealed_request()["sealed"]
    raw = bytearray(b64decode(sealed[part]))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBroken):
        RequestOpener(KEY).open(SealedContent(**sealed | {part: b64encode(raw).decode()}), "acme", "r-1")


def test_another_data_key_does_not_open_it() -> None:
    other = ContentKey("cd" * 16, bytes(32), os.urandom)
    with pytest.raises(SealBroken, match="another data key"):
        RequestOpener(other).open(SealedContent(**sealed_request()["sealed"]), "acme", "r-1")


def test_many_requests_share_an_ephemeral_key_and_no_nonce() -> None:
    sealer = RequestSealer(KEY.id, RequestOpener(KEY).public_key)
    sealed = [sealer.seal(request())["sealed"] for _ in range(50)]
    assert len({one["ephemeral"] for one in sealed}) == 1
    assert len({one["nonce"] for one in sealed}) == 50


def test_what_is_sealed_is_not_sealed_again() -> None:
    sealed = sealed_request()
    assert RequestSealer(KEY.id, RequestOpener(KEY).public_key).seal(sealed) == sealed
