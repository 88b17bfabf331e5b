from __future__ import annotations

import orjson

from schemas.request import Request
from streams.submission.workload import KINDS, RETIRED_MODEL, workload


def test_the_same_seed_gives_the_same_requests() -> None:
    assert list(workload(200, seed=1)) == list(workload(200, seed=1))
    assert list(workload(200, seed=1)) != list(workload(200, seed=2))


def test_every_request_is_valid() -> None:
    for number, request in enumerate(workload(500, seed=3)):
        Request.model_validate({"id": f"r{number}", "tenant": "demo"} | request)


def test_the_mix_is_as_described() -> None:
    requests = list(workload(5000, seed=4))
    distinct = {orjson.dumps(request) for request in requests}
    assert 0.65 < len(distinct) / len(requests) < 0.75
    assert {request["task_type"] for request in requests} == {kind.task_type for kind in KINDS}
    assert 0.05 < sum(request.get("mode") == "explicit" for request in requests) / len(requests) < 0.15
    assert 0 < sum(request.get("model") == RETIRED_MODEL for request in requests) < 50
    assert 0.4 < sum("messages" in request for request in requests) / len(requests) < 0.6


def test_the_share_of_repeats_can_be_chosen() -> None:
    assert len({orjson.dumps(request) for request in workload(300, seed=5, repeated=0.0)}) == 300
    assert len({orjson.dumps(request) for request in workload(300, seed=5, repeated=1.0)}) == 1
