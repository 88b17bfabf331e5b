"""Long beginnings that requests share, and when marking them for providers' prompt caches pays: `prefixes`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.section import Count, Seconds, Section


class PrefixSettings(Section):
    """Which shared beginnings are recognised and marked.

    Attributes:
        mark: Recognise beginnings that a tenant's requests share, and mark them in calls where that pays.
        min_tokens: Estimated length below which no beginning is looked at: providers cache nothing shorter.
        seconds: How long a provider keeps a beginning after it was last used.
        settle_seconds: After a call that writes a beginning, how long the provider may take to have it. Bulk requests
            wait so long for it; others are not marked meanwhile, so that they do not pay to write it again.
        write_factor: Price of a token that is written into the cache, by that of a plain one.
        read_factor: Price of a token that is read from it, by that of a plain one.
        markers: Most beginnings marked in one request; Anthropic takes four.
        boundaries: Most places in one request where a shared beginning may end.
        calls_per_key: Calls of one `prompt_cache_key` that one machine of OpenAI serves in `seconds`: it sends on
            what goes beyond 15 a minute. Where more share a beginning, a longer one that fewer share is named.
        known: Beginnings remembered per partition, about 300 bytes each.
        tenants: Tenants per partition of which it is remembered how often what they send comes again.
    """

    mark: bool = True
    min_tokens: Count = 1_024
    seconds: Seconds = 300.0
    settle_seconds: Annotated[float, Field(ge=0)] = 2.0
    write_factor: Annotated[float, Field(ge=1)] = 1.25
    read_factor: Annotated[float, Field(ge=0, lt=1)] = 0.1
    markers: Annotated[int, Field(ge=1, le=4)] = 4
    boundaries: Annotated[int, Field(ge=2)] = 32
    calls_per_key: Count = 75
    known: Count = 20_000
    tenants: Count = 1_000
