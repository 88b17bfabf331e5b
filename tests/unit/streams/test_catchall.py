from __future__ import annotations

import pytest

from streams.catchall import Bug, contain


def broken() -> int:
    raise LookupError("an unforeseen case")


def test_what_works_is_returned() -> None:
    assert contain(lambda: 3, "governance") == 3


def test_a_bug_becomes_a_value_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    bug = contain(broken, "governance")
    assert isinstance(bug, Bug)
    assert "in broken" in bug.traceback
    assert bug.traceback.rstrip().endswith("LookupError: an unforeseen case")
    assert [vars(record)["stage"] for record in caplog.records] == ["governance"]


@pytest.mark.parametrize("order", [KeyboardInterrupt, SystemExit])
def test_an_order_to_stop_is_obeyed(order: type[BaseException]) -> None:
    def stop() -> None:
        raise order

    with pytest.raises(order):
        contain(stop, "governance")
