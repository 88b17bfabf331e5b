"""What governance may say about an organization, a team, a user or a key: policies, budgets, rate limits."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.model import Fraction, Name, StrictValue, Usd

DEFAULT_WARNINGS = (0.8, 0.95)
"""Shares of a budget at whose spending an event warns, unless the budget names its own."""

MOST_ERROR = 0.2
"""Largest error bound of semantic hits: beyond it nobody would speak of answers."""


class PersonalDataMode(StrEnum):
    """What happens to personal data in a prompt, from the mildest to the strictest."""

    OFF = "off"
    FLAG = "flag"
    REDACT = "redact"
    PSEUDONYMIZE = "pseudonymize"
    BLOCK = "block"


class CacheMode(StrEnum):
    """What the cache may do for a scope, from the widest to the narrowest."""

    USE = "use"
    READ_ONLY = "read_only"
    OFF = "off"


class EncryptionMode(StrEnum):
    """Under whose data key prompts and answers travel and rest."""

    OFF = "off"
    TENANT = "tenant"
    USER = "user"


class Failing(StrEnum):
    """What holds when a rule cannot be evaluated, e.g. because a key or a detector is out of reach."""

    CLOSED = "closed"
    OPEN = "open"


class Policy(StrictValue):
    """What one scope may do; None leaves it to the wider scopes.

    `docs/governance.md` says how each is enforced, and which are only kept yet.

    Of nested scopes (organization, team, user, key) every limit holds, so that a narrower scope never widens one:
    the smallest number, the intersection of the allowed names, the strictest mode.

    Attributes:
        allowed_models: The only models that may answer.
        allowed_providers: The only providers that may be asked.
        allowed_task_types: The only task types that are served.
        max_input_tokens: Longest input of one request, estimated in tokens.
        max_output_tokens: Longest answer a request may ask for, in tokens; the bound of one that asks for none.
        max_cost_usd: Most that one request may cost, in dollars.
        personal_data: What happens to personal data in prompts.
        cache: What the cache may do.
        semantic_error_bound: Most of the answers that may be wrong, as a share, among those served to questions in
            other words than the ones they were given to; 0 and no rule serve none.
        encryption: Under whose key prompts and answers are encrypted.
        retention_days: How long content may be kept.
        failing: Whether a request passes when a rule cannot be evaluated.
    """

    allowed_models: tuple[Name, ...] | None = None
    allowed_providers: tuple[Name, ...] | None = None
    allowed_task_types: tuple[str, ...] | None = None
    max_input_tokens: Annotated[int, Field(ge=1)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None
    max_cost_usd: Annotated[Usd, Field(gt=0)] | None = None
    personal_data: PersonalDataMode | None = None
    cache: CacheMode | None = None
    semantic_error_bound: Annotated[float, Field(ge=0, le=MOST_ERROR)] | None = None
    encryption: EncryptionMode | None = None
    retention_days: Annotated[int, Field(ge=1)] | None = None
    failing: Failing | None = None


class Period(StrEnum):
    """Over what a budget counts; periods begin at the full hour, day and month in UTC."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


class Budget(StrictValue):
    """How much a scope may spend.

    Attributes:
        period: Over what it counts.
        limit_usd: Most that may be spent, in dollars.
        hard: A request that might pass the limit is rejected; else passing it only warns.
        warn_at: Shares of the limit at whose spending an event warns.
    """

    period: Period
    limit_usd: Annotated[Usd, Field(ge=0)]
    hard: bool = True
    warn_at: tuple[Fraction, ...] = DEFAULT_WARNINGS


class Rates(StrictValue):
    """How fast a scope may go; None means unlimited.

    Attributes:
        requests_per_minute: In the long run.
        request_burst: Requests that may come at once; a minute's worth when absent.
        tokens_per_minute: Of estimated input and expected output, in the long run.
        token_burst: Tokens that may come at once; a minute's worth when absent.
        in_flight: Most requests between admission and result.
    """

    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    request_burst: Annotated[int, Field(ge=1)] | None = None
    tokens_per_minute: Annotated[int, Field(ge=1)] | None = None
    token_burst: Annotated[int, Field(ge=1)] | None = None
    in_flight: Annotated[int, Field(ge=1)] | None = None
