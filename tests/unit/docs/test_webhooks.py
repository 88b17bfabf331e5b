"""The Python in the docs that checks who tells a webhook, against what a webhook is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

import pytest

from agents.analytics.anomalies.webhook import SIGNATURE, body_of, headers_of
from schemas.anomaly import AnomalyOpened
from streams.contract.examples import EXAMPLES
from tests.unit.docs.fences import VERIFYING, fences

SECRET = "of the receiver and us"
Genuine = Callable[..., bool]


@pytest.fixture(scope="module")
def genuine() -> Genuine:
    (fence,) = [fence for fence in fences("python") if fence.kind == VERIFYING]
    namespace: dict[str, Genuine] = {}
    exec(compile(fence.text, str(fence), "exec"), namespace)
    return namespace["genuine"]


@pytest.fixture(scope="module")
def event() -> AnomalyOpened:
    return cast("AnomalyOpened", next(iter(EXAMPLES[AnomalyOpened].values())))


def test_what_we_tell_is_genuine(genuine: Genuine, event: AnomalyOpened) -> None:
    body = body_of(event)
    header = headers_of(event, body, SECRET, int(time.time()))[SIGNATURE]
    assert genuine(header, body, SECRET.encode())
    assert not genuine(header, body + b" ", SECRET.encode())
    assert not genuine(header, body, b"of somebody else")


def test_what_is_old_is_not(genuine: Genuine, event: AnomalyOpened) -> None:
    body = body_of(event)
    header = headers_of(event, body, SECRET, int(time.time()) - 3_600)[SIGNATURE]
    assert not genuine(header, body, SECRET.encode())
    assert genuine(header, body, SECRET.encode(), tolerance=7_200)


def test_nothing_is_signed_without_a_secret(event: AnomalyOpened) -> None:
    assert SIGNATURE not in headers_of(event, body_of(event), "", 0)
