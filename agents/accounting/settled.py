"""Which requests are settled, and by which completion: a bounded memory of the newest."""

from __future__ import annotations

from collections import OrderedDict

from schemas.batch import Completion


class SettledWindow:
    """The newest settled requests of one partition.

    A completion is known by its paid calls, whose ids are unique per call made. Only their hash is kept: a window
    of 200,000 requests holds as many ids and integers.

    Args:
        capacity: Most requests remembered; the oldest are forgotten first.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._settled: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._settled)

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._settled

    def remember(self, completion: Completion) -> None:
        """Note that this completion settled its request; the first one for a request counts."""
        self._settled.setdefault(completion.passenger.id, _calls_of(completion))
        if len(self._settled) > self._capacity:
            self._settled.popitem(last=False)

    def settled_by(self, completion: Completion) -> bool:
        """Return whether it was these very calls that settled the request: the completion came again."""
        return self._settled.get(completion.passenger.id) == _calls_of(completion)


def _calls_of(completion: Completion) -> int:
    return hash(tuple(call.id for call in completion.paid))
