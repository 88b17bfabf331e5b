from __future__ import annotations

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """As in a worker: fits are of many small products, for which threads would only wait for each other."""
    with threadpool_limits(1, user_api="blas"):
        yield
