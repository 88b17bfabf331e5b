"""Settings of the lanes: how requests gather before they are dispatched, and what is left to batch interfaces."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.section import Count, Seconds, Section


class WindowSettings(Section):
    """How long requests gather before they are dispatched, per lane.

    Attributes:
        interactive_size: Most requests in a window of the interactive lane.
        interactive_seconds: Longest wait of a request in it; 0 waits for nothing.
        bulk_size: Most requests in a window of the bulk lane.
        bulk_tokens: Estimated input tokens at which a window of the bulk lane closes.
        bulk_seconds: Longest wait of a request in it.
        bulk_after_seconds: A deadline at least this far away puts a request in the bulk lane.
        prefix_chars: Requests whose first so many characters are the same share a window; shorter ones share one.
        batch_lane: Leave requests whose deadline allows it to the batch interfaces of providers that have one.
    """

    interactive_size: Count = 500
    interactive_seconds: Annotated[float, Field(ge=0)] = 0.0
    bulk_size: Count = 500
    bulk_tokens: Count = 200_000
    bulk_seconds: Annotated[float, Field(ge=0)] = 0.05
    bulk_after_seconds: Seconds = 600.0
    prefix_chars: Count = 1_024
    batch_lane: bool = False


class BatchSettings(Section):
    """The batch lane: what it costs, how long it may take, and how its jobs are led.

    Attributes:
        price_factor: What a token costs in a batch, as a share of its usual price.
        max_late: Largest probability, as estimated, that a batch is not back in time.
        expected_seconds: Turnaround that half of the batches keep, until others have been seen.
        never_share: Share of batches that do not come back at all, until others have been seen.
        prior_weight: How many observed batches these two expectations weigh.
        observed: Newest batches whose turnaround is remembered.
        collect_seconds: Longest wait of a request for a job to fill.
        job_items: Most requests in a job; the provider's own limit holds besides.
        job_bytes: Most bytes in a job; the provider's own limit holds besides.
        open_items: Most requests of the batch lane a worker holds; what is more is called at once.
        poll_seconds: Between two looks at a job under way.
        cancel_seconds: Before a request must be called, its job is cancelled: cancelling takes a while.
        rescue_seconds: Before its deadline, an unfinished request is called instead.
        cancel_share: Share of a job's unfinished requests that must be due for it to be cancelled for them.
        settle_seconds: After a restart, how long what a predecessor sent may still arrive at a provider.
        timeout_seconds: Longest wait for an answer of a batch interface.
    """

    price_factor: Annotated[float, Field(gt=0, le=1)] = 0.5
    max_late: Annotated[float, Field(gt=0, lt=1)] = 0.02
    expected_seconds: Seconds = 3_600.0
    never_share: Annotated[float, Field(ge=0, lt=1)] = 0.005
    prior_weight: Seconds = 20.0
    observed: Count = 200
    collect_seconds: Annotated[float, Field(ge=0)] = 60.0
    job_items: Count = 10_000
    job_bytes: Count = 100 * 1024 * 1024
    open_items: Count = 100_000
    poll_seconds: Seconds = 60.0
    cancel_seconds: Annotated[float, Field(ge=0)] = 900.0
    rescue_seconds: Seconds = 600.0
    cancel_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    settle_seconds: Seconds = 60.0
    timeout_seconds: Seconds = 300.0

    @property
    def overhead_seconds(self) -> float:
        """Of the time until a deadline, what a batch cannot use: gathering, a late look, cancelling and rescue."""
        return self.collect_seconds + self.poll_seconds + self.cancel_seconds + self.rescue_seconds
