"""An envelope opens to what was sealed, and to nothing at all once anything about it differs."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.sealing.binding import Field, SealBroken, binding
from streams.sealing.envelope import MAGIC, NONCE_BYTES, SALT_BYTES, USES_PER_SALT, ContentKey, is_envelope, key_id_of

KEY_ID = "0f" * 16
names = st.text(alphabet="abcdefghij.-_", min_size=1, max_size=12)
fields = st.sampled_from(Field)


def content_key(root: bytes = bytes(range(32)), key_id: str = KEY_ID) -> ContentKey:
    return ContentKey(key_id, root, os.urandom)


@given(content=st.binary(max_size=300), tenant=names, request=names, field=fields)
def test_what_was_sealed_is_opened_by_any_holder_of_the_key(
    content: bytes, tenant: str, request: str, field: Field
) -> None:
    bound = binding(field, tenant, request)
    envelope = content_key().seal(content, bound)
    assert is_envelope(envelope)
    assert key_id_of(envelope) == KEY_ID
    assert content_key().open(envelope, bound) == content


@given(content=st.binary(max_size=60), data=st.data())
def test_a_flipped_bit_anywhere_is_noticed(content: bytes, data: st.DataObject) -> None:
    bound = binding(Field.BODY, "acme", "r-1")
    key = content_key()
    envelope = bytearray(key.seal(content, bound))
    bit = data.draw(st.integers(0, len(envelope) * 8 - 1))
    envelope[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBroken):
        key.open(bytes(envelope), bound)


@given(
    sealed_as=st.tuples(fields, names, names),
    opened_as=st.tuples(fields, names, names),
    content=st.binary(max_size=60),
)
def test_another_field_tenant_or_request_does_not_open_it(
    sealed_as: tuple[Field, str, str], opened_as: tuple[Field, str, str], content: bytes
) -> None:
    key = content_key()
    envelope = key.seal(content, binding(*sealed_as))
    if sealed_as == opened_as:
        assert key.open(envelope, binding(*opened_as)) == content
    else:
        with pytest.raises(SealBroken):
            key.open(envelope, binding(*opened_as))


def test_another_key_does_not_open_it_even_under_the_same_id() -> None:
    bound = binding(Field.BODY, "acme", "r-1")
    envelope = content_key().seal(b"secret", bound)
    with pytest.raises(SealBroken):
        content_key(root=bytes(32)).open(envelope, bound)
    with pytest.raises(SealBroken, match="another data key"):
        content_key(key_id="aa" * 16).open(envelope, bound)


def test_no_nonce_repeats_under_a_salt_and_a_used_up_salt_is_replaced() -> None:
    salts = iter([b"a" * SALT_BYTES, b"b" * SALT_BYTES])
    key = ContentKey(KEY_ID, bytes(range(32)), lambda _: next(salts))
    bound = binding(Field.BODY, "acme", "r-1")
    start = len(MAGIC) + len(bytes.fromhex(KEY_ID))
    end = start + SALT_BYTES + NONCE_BYTES
    seen = {key.seal(b"x", bound)[start:end] for _ in range(100)}
    assert len(seen) == 100
    key._count = USES_PER_SALT  # nobody waits for sixteen million messages
    assert key.seal(b"x", bound)[start:end] == b"b" * SALT_BYTES + bytes(NONCE_BYTES)


@given(prompt=st.binary(max_size=60))
def test_names_of_equal_prompts_are_equal_under_one_key_and_tell_nothing_under_another(prompt: bytes) -> None:
    one, same, other = content_key(), content_key(), content_key(root=bytes(32))
    assert one.fingerprint(prompt) == same.fingerprint(prompt) != other.fingerprint(prompt)
    assert one.request_digest(prompt) != one.fingerprint(prompt)


def test_a_key_does_not_show_itself() -> None:
    root = os.urandom(32)
    assert root.hex() not in repr(ContentKey(KEY_ID, root, os.urandom))


def test_a_name_with_a_line_break_binds_nothing() -> None:
    with pytest.raises(ValueError, match="line break"):
        binding(Field.BODY, "acme\nr", "1")
