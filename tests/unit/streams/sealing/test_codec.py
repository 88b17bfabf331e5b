"""What travels between stages comes back as it was, shows nothing of its content, and opens in its place alone."""

from __future__ import annotations

import os
from base64 import b64decode
from datetime import UTC, datetime
from functools import partial

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.batch import Call, CallBatch, Completion, CompletionBatch, Failure, Passenger, Target
from schemas.errors import KeyOutOfReach
from schemas.jobs import ItemsTaken, JobIntended, JobRecord
from schemas.result import Lane, Status
from schemas.wire import Answer, ProblemRecord, ResultRecord, SealedRecord
from streams.sealing.binding import ContentErased, SealBroken
from streams.sealing.codec import (
    SEALED_MESSAGE,
    UNREADABLE,
    ContentCodec,
    opened_output,
    read_calls,
    read_completions,
    read_job,
    written_completions,
)
from streams.sealing.envelope import ContentKey, is_envelope

NEEDLE = "zebrafish"
"""Begins every content; long enough that no ciphertext holds it by chance."""
AT = datetime(2026, 11, 26, tzinfo=UTC)
texts = st.text(st.characters(codec="utf-8"), max_size=60).map(lambda text: NEEDLE + text)
originals = st.dictionaries(st.sampled_from(["[EMAIL_1]", "[NAME_1]"]), texts)
names = st.text(alphabet="abcdefghij.-_", min_size=1, max_size=12)


class Held:
    """One key per tenant; a destroyed one is given to nobody."""

    def __init__(self, *tenants: str) -> None:
        self.held = {
            tenant: ContentKey(f"{at:032x}", bytes([at]) * 32, os.urandom) for at, tenant in enumerate(tenants)
        }

    def key(self, tenant: str, key_id: str) -> ContentKey:
        held = self.held.get(tenant)
        if held is None:
            raise ContentErased(key_id)
        if held.id != key_id:
            raise SealBroken("another tenant's key")
        return held

    def id(self, tenant: str) -> str:
        return self.held[tenant].id


KEYS = Held("acme", "zeta")
CODEC = ContentCodec(KEYS)


def passenger(
    name: str = "r-1", tenant: str = "acme", key: str | None = KEYS.id("acme"), hidden: dict[str, str] | None = None
) -> Passenger:
    return Passenger(name, tenant, 0, "d", Lane.BULK, b"{}", "big", 1.0, originals=hidden or {}, data_key=key)


def call(body: bytes, whose: Passenger) -> Call:
    return Call(whose, body, (Target("big", "east"),), 2.0)


def opened_calls(codec: ContentCodec, value: bytes) -> list[Call]:
    return [codec.opened_call(one) for one in read_calls(value)]


def sealed_completions(codec: ContentCodec, completions: list[Completion]) -> bytes:
    return written_completions([codec.sealed_completion(one) for one in completions])


def opened_completions(codec: ContentCodec, value: bytes) -> list[Completion]:
    return [codec.opened_completion(one) for one in read_completions(value)]


def result(output: Answer | None = None, error: ProblemRecord | None = None) -> ResultRecord:
    status = Status.COMPLETED if error is None else Status.FAILED
    seal = SealedRecord(KEYS.id("acme"))
    return ResultRecord("r-1", status, "0", AT, AT, "acme", output=output, error=error, sealed=seal)


@given(body=texts, hidden=originals, name=names)
def test_calls_come_back_as_they_were_and_show_nothing(body: str, hidden: dict[str, str], name: str) -> None:
    calls = [call(body.encode(), passenger(name, hidden=hidden))]
    value = CODEC.encode_calls(calls)
    assert NEEDLE.encode() not in value
    assert opened_calls(CODEC, value) == calls


@given(text=texts, message=texts, hidden=originals, failed=st.booleans())
def test_completions_come_back_as_they_were_and_show_nothing(
    text: str, message: str, hidden: dict[str, str], failed: bool
) -> None:
    failure = Failure("provider_refused", message, "ask another way") if failed else None
    answer = None if failed else Answer(text, [{"name": text}], "stop")
    completions = [Completion(passenger(hidden=hidden), 3.0, answer, failure)]
    value = sealed_completions(CODEC, completions)
    assert NEEDLE.encode() not in value
    assert opened_completions(CODEC, value) == completions


@given(body=texts, hidden=originals)
def test_jobs_come_back_as_they_were_and_show_nothing(body: str, hidden: dict[str, str]) -> None:
    taken = ItemsTaken([call(body.encode(), passenger(hidden=hidden))])
    record = JobRecord(4, 5.0, [taken, JobIntended("job", "east", "big", ["r-1"])])
    value = CODEC.encode_job(record)
    assert NEEDLE.encode() not in value
    read, rest = read_job(value).facts
    assert isinstance(read, ItemsTaken)
    opened = [CODEC.opened_call(one) for one in read.calls]
    assert [ItemsTaken(opened), rest] == record.facts
    assert [CODEC.opened_call(one) for one in opened] == opened


@given(text=texts)
def test_a_result_says_its_answer_to_who_holds_the_key(text: str) -> None:
    sealed = CODEC.sealed_result(result(Answer(text, None, "stop")))
    assert NEEDLE.encode() not in msgspec.json.encode(sealed)
    assert sealed.sealed is not None
    assert sealed.sealed.content is not None
    assert NEEDLE.encode() not in b64decode(sealed.sealed.content)
    said = opened_output(KEYS, "acme", "r-1", sealed.sealed)
    assert said is not None
    assert (said.output, said.error_message) == (Answer(text, None, "stop"), None)


@given(message=texts)
def test_what_was_said_of_a_failure_is_sealed_and_its_code_and_remedy_are_not(message: str) -> None:
    sealed = CODEC.sealed_result(result(error=ProblemRecord("provider_refused", message, "ask another way")))
    assert sealed.error == ProblemRecord("provider_refused", SEALED_MESSAGE, "ask another way")
    assert sealed.sealed is not None
    said = opened_output(KEYS, "acme", "r-1", sealed.sealed)
    assert said is not None
    assert (said.output, said.error_message) == (None, message)


@given(body=texts, name=st.one_of(st.just("r-1"), names), tenant=st.sampled_from(["acme", "zeta"]))
def test_a_body_that_was_moved_to_another_request_or_tenant_is_empty(body: str, name: str, tenant: str) -> None:
    (sealed,) = CODEC.sealed_calls([call(body.encode(), passenger())])
    there = passenger(name, tenant, KEYS.id(tenant))
    moved = msgspec.msgpack.encode(CallBatch([msgspec.structs.replace(sealed, passenger=there)]))
    (opened,) = opened_calls(CODEC, moved)
    assert opened.body == (body.encode() if (name, tenant) == ("r-1", "acme") else b"")


def test_an_answer_in_the_place_of_a_body_is_empty_and_a_body_in_the_place_of_an_answer_has_failed() -> None:
    (sealed,) = CODEC.sealed_calls([call(b"body", passenger())])
    completion = CODEC.sealed_completion(Completion(passenger(), 3.0, Answer("answer", None, "stop")))
    as_body = msgspec.structs.replace(sealed, body=completion.sealed)
    assert opened_calls(CODEC, msgspec.msgpack.encode(CallBatch([as_body])))[0].body == b""
    as_answer = msgspec.structs.replace(completion, sealed=sealed.body)
    (opened,) = opened_completions(CODEC, msgspec.msgpack.encode(CompletionBatch([as_answer])))
    assert (opened.answer, opened.failure) == (None, UNREADABLE)


def test_a_result_does_not_open_as_another_requests_or_tenants() -> None:
    sealed = CODEC.sealed_result(result(Answer("answer", None, "stop"))).sealed
    assert sealed is not None
    for tenant, name in (("acme", "r-2"), ("zeta", "r-1")):
        with pytest.raises(SealBroken):
            opened_output(KEYS, tenant, name, sealed)


def test_what_has_no_data_key_travels_as_it_is_beside_what_has_one() -> None:
    calls = [call(b"plain", passenger("r-0", key=None)), call(b"sealed", passenger())]
    plain, sealed = CODEC.sealed_calls(calls)
    assert plain is calls[0]
    assert is_envelope(sealed.body)
    assert opened_calls(CODEC, CODEC.encode_calls(calls)) == calls
    open_result = msgspec.structs.replace(result(Answer("plain", None, "stop")), sealed=None)
    assert CODEC.sealed_result(open_result) is open_result


@pytest.mark.parametrize("codec", [ContentCodec(), ContentCodec(Held("zeta"))], ids=["no vault", "destroyed"])
def test_without_the_key_a_request_still_ends_and_no_other_waits(codec: ContentCodec) -> None:
    calls = CODEC.encode_calls(
        [call(b"secret", passenger(hidden={"[NAME_1]": "Amara"})), call(b"b", passenger(key=None))]
    )
    first, second = opened_calls(codec, calls)
    assert (first.body, first.passenger.originals, second.body) == (b"", {}, b"b")
    (completion,) = opened_completions(
        codec, sealed_completions(CODEC, [Completion(passenger(), 3.0, Answer("secret", None, "stop"))])
    )
    assert (completion.answer, completion.failure) == (None, UNREADABLE)
    refused = Failure("provider_refused", "secret", "ask another way")
    (completion,) = opened_completions(
        codec, sealed_completions(CODEC, [Completion(passenger(), 3.0, None, refused)])
    )
    assert completion.failure == msgspec.structs.replace(refused, message=SEALED_MESSAGE)


def test_a_key_that_is_out_of_reach_is_no_reason_to_drop_anything() -> None:
    class Away:
        def key(self, tenant: str, key_id: str) -> ContentKey:
            raise KeyOutOfReach(tenant, key_id, "the vault is away")

    codec, completion = ContentCodec(Away()), Completion(passenger(), 3.0, Answer("secret", None, "stop"))
    (sealed,) = CODEC.sealed_calls([call(b"secret", passenger())])
    for work in (
        partial(codec.opened_call, sealed),
        partial(codec.sealed_calls, [call(b"secret", passenger())]),
        partial(codec.opened_completion, CODEC.sealed_completion(completion)),
        partial(codec.sealed_completion, completion),
        partial(codec.sealed_result, result(Answer("secret", None, "stop"))),
    ):
        with pytest.raises(KeyOutOfReach):
            work()


def test_content_whose_key_is_gone_is_dropped_and_never_written_in_plain_text() -> None:
    gone = ContentCodec(Held())
    value = gone.encode_calls([call(NEEDLE.encode(), passenger(hidden={"[NAME_1]": NEEDLE}))])
    value += sealed_completions(gone, [Completion(passenger(hidden={"[NAME_1]": NEEDLE}), 3.0, Answer(NEEDLE))])
    written = gone.sealed_result(result(Answer(NEEDLE), ProblemRecord("provider_refused", NEEDLE, "ask another way")))
    assert NEEDLE.encode() not in value + msgspec.json.encode(written)
    assert written.sealed == SealedRecord(KEYS.id("acme"))
    assert opened_output(KEYS, "acme", "r-1", SealedRecord(KEYS.id("acme"))) is None
