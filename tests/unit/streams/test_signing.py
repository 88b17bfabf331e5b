from __future__ import annotations

import hmac
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.api_key import ApiKey
from streams.envelope import Publication, header
from streams.records import Record
from streams.signing import SIGNATURE_HEADER, Signer, body_hash, signature
from streams.vouchers import VOUCHER_HEADER, Vouching

KEY = ApiKey("k0000001", "s" * 43)
AT = 1_790_000_000.5
TOPIC = "asahi.requests"
VOUCHING = Vouching(bytes(32))


def record_of(publication: Publication, partition: int = 0, offset: int = 0, at: float = AT) -> Record:
    headers = tuple(publication.headers)
    return Record(TOPIC, partition, offset, publication.key, publication.value, headers, at)


def signed(value: bytes = b"[1,2]", key: bytes | None = b"acme") -> Publication:
    return Signer(KEY, lambda: AT).signed(TOPIC, Publication(value, key, [("content-type", b"application/json")]))


def test_a_signature_is_what_the_page_says() -> None:
    text = f"asahi-v1\n1790000000500\n{TOPIC}\nacme\n{sha256(b'[1,2]').hexdigest()}"
    proof = hmac.new(KEY.signing_key(), text.encode(), sha256).hexdigest()
    assert signed().headers == [
        ("content-type", b"application/json"),
        ("asahi-key-id", b"k0000001"),
        ("asahi-timestamp", b"1790000000500"),
        ("asahi-signature", proof.encode()),
    ]


messages = st.tuples(
    st.from_regex(rb"[0-9]{1,3}", fullmatch=True), st.sampled_from(["a", "b"]), st.binary(max_size=9), st.binary()
)


@given(messages, messages)
def test_no_two_messages_have_the_same_signature(
    one: tuple[bytes, str, bytes, bytes], other: tuple[bytes, str, bytes, bytes]
) -> None:
    first, second = (
        signature(KEY.signing_key(), time, topic, key, body_hash(value)) for time, topic, key, value in (one, other)
    )
    assert (first == second) == (one == other)


def test_a_voucher_says_what_was_signed_and_when_it_came() -> None:
    original = record_of(signed(), partition=3, offset=41)
    part = VOUCHING.vouched(original, b"1", b"acme", AT + 60)
    voucher = VOUCHING.read(record_of(part, at=AT + 61))
    assert voucher is not None
    assert (voucher.origin, voucher.arrived_ms, voucher.vouched_ms) == ("3/41", 1_790_000_000_500, 1_790_000_060_500)
    assert (voucher.key, voucher.body_sha256.encode()) == (b"acme", body_hash(b"[1,2]"))
    assert header(part.headers, SIGNATURE_HEADER) == header(original.headers, SIGNATURE_HEADER)


def test_what_is_sent_on_twice_still_says_where_it_came_from_first() -> None:
    original = record_of(signed(key=None), partition=3, offset=41)
    once = record_of(VOUCHING.vouched(original, b"1", b"acme", AT + 60), partition=5, offset=7, at=AT + 61)
    twice = record_of(VOUCHING.vouched(once, b"1", b"acme", AT + 120), partition=6, offset=8, at=AT + 121)
    voucher = VOUCHING.read(twice)
    assert voucher is not None
    assert (voucher.origin, voucher.arrived_ms, voucher.key) == ("3/41", 1_790_000_000_500, None)
    assert [name for name, _ in twice.headers].count(VOUCHER_HEADER) == 1


def test_what_was_not_signed_is_not_vouched_for() -> None:
    part = VOUCHING.vouched(record_of(Publication(b"[1,2]", b"acme")), b"1", b"acme", AT)
    assert part == Publication(b"1", b"acme", [])


@pytest.mark.parametrize("changed", ["value", "key", "signature", "voucher", "subkey", "topic"])
def test_a_voucher_accompanies_one_message_and_no_other(changed: str) -> None:
    record = record_of(VOUCHING.vouched(record_of(signed()), b"1", b"acme", AT))
    assert VOUCHING.read(record) is not None
    other = {
        "value": record._replace(value=b"2"),
        "key": record._replace(key=b"zeta"),
        "signature": record._replace(headers=tuple((n, v.replace(b"0", b"1")) for n, v in record.headers)),
        "voucher": record._replace(headers=(*record.headers[:-1], (VOUCHER_HEADER, b"[1]"))),
        "topic": record._replace(topic="asahi.feedback"),
        "subkey": record,
    }
    reader = Vouching(b"1" * 32) if changed == "subkey" else VOUCHING
    assert reader.read(other[changed]) is None
