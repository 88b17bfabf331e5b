from __future__ import annotations

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.submission.packing import pack
from streams.submission.window import Entry


def entries(*tenants_and_sizes: tuple[str, int]) -> list[Entry]:
    return [
        Entry(str(number), number, number, tenant, body=orjson.dumps({"n": number, "pad": "x" * size}))
        for number, (tenant, size) in enumerate(tenants_and_sizes)
    ]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 300)), max_size=40), st.integers(1, 10))
def test_every_request_is_in_one_message_of_its_tenant_in_order(requests: list[tuple[str, int]], most: int) -> None:
    sent = entries(*requests)
    messages = list(pack(sent, 500, most))
    for tenant in ("a", "b"):
        packed = [request["n"] for m in messages if m.tenant == tenant for request in orjson.loads(m.value)]
        assert packed == [entry.number for entry in sent if entry.tenant == tenant]
    for message in messages:
        assert message.requests == len(orjson.loads(message.value)) <= most
        assert message.requests == 1 or len(message.value) <= 502


def test_nothing_to_send_is_no_message() -> None:
    assert list(pack([], 500)) == []
