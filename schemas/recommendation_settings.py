"""Settings of recommendations: the section `recommendations` of the configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.section import Count, Seconds, Section


class RecommendationSettings(Section):
    """What `asahi recommend` takes for worth saying.

    Attributes:
        least_requests: Requests that a recommendation must be about; fewer may be chance.
        least_seconds: Time that must have been observed for a saving to be projected to a month.
        page_requests: Requests read at a time, which bounds memory; ClickHouse refuses longer statements.
        idle_share: A budget no period of which used so large a share of it lies idle.
    """

    least_requests: Count = 20
    least_seconds: Seconds = 86_400.0
    page_requests: Annotated[int, Field(ge=1, le=10_000)] = 5_000
    idle_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
