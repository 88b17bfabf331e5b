"""Every exception Asahi raises on purpose, as one tree.

```
AsahiError
├── ConfigurationError      a setting or file is wrong; names it and the remedy
├── InvalidEvent            bytes that are not the event they claim to be
├── InfrastructureError     broker, engine or vault unreachable; retried with backoff
│   ├── BrokerUnavailable
│   ├── WarehouseUnavailable
│   └── KeyOutOfReach       a data key that there is cannot be had at the moment
├── UsageUnreadable         what a provider billed cannot be read; names the field
├── WarehouseError          the engine refused a statement; retrying does not help
├── ProviderError           a provider call failed; `next_step` says what follows
│   ├── ProviderTimeout     no answer in time: retry here
│   ├── ProviderOverloaded  busy or broken (5xx, 529): retry here
│   │   ├── ProviderRateLimited     too many calls (429): wait as long as it says, then here
│   │   ├── ProviderUnreachable     the connection failed or broke: retry here
│   │   └── ProviderCircuitOpen     not asked, since it has failed too often of late
│   ├── ProviderUnreadable  it answered, but not with a completion: retry here
│   └── ProviderRefused     it will not answer this (4xx): the next target
│       ├── ProviderBadRequest      it finds the request malformed, or cannot be told what is asked
│       ├── ProviderUnauthenticated the key is missing or wrong
│       ├── ProviderForbidden       the key lacks the right
│       ├── ProviderModelUnknown    it does not serve the model
│       ├── ProviderQuotaExhausted  the account has no money or quota left
│       ├── ProviderContextLength   the request is longer than the model reads
│       └── ProviderContentFiltered what is asked offends its rules: no other target either
├── ChainBroken             links of the audit trail that cannot be true, or not beside those before them
└── EmbeddedServiceError    a child process did not start, died or would not stop
```

Expected outcomes of a stage (a rejection, a dead letter) are values, not exceptions.
"""

from __future__ import annotations

from enum import Enum

from schemas.wire import Tokens


class AsahiError(Exception):
    """Root of the tree: `except AsahiError` catches what Asahi raises on purpose and no bug."""


class ConfigurationError(AsahiError):
    """A setting, file or argument is wrong. The message names it and the remedy."""


class InvalidEvent(AsahiError):
    """Bytes that are not the event they claim to be.

    Args:
        code: Stable machine-readable code, e.g. `invalid_field`.
        message: What is wrong, naming the field.
        remedy: What the producer should do.
        field: Dotted path of the offending field, or None when the whole body is unreadable.
    """

    def __init__(self, code: str, message: str, remedy: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.field = field


class UsageUnreadable(AsahiError):
    """What a provider says it billed cannot be read.

    Args:
        message: What is wrong, naming the field.
        field: Dotted path of the field at fault, or an empty string when the whole is no object.
    """

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class InfrastructureError(AsahiError):
    """The broker, the engine or the vault is unreachable: retried with backoff until it heals."""


class BrokerUnavailable(InfrastructureError):
    """No Kafka broker answers."""


class WarehouseUnavailable(InfrastructureError):
    """ClickHouse does not answer, or answers that it is overloaded."""


class KeyOutOfReach(InfrastructureError):
    """A data key cannot be had at the moment, which does not say that there is none.

    Args:
        tenant: Whose key.
        key_id: Which.
        reason: What is in the way, and the remedy.
    """

    def __init__(self, tenant: str, key_id: str, reason: str) -> None:
        super().__init__(f"data key {key_id} of {tenant} is out of reach: {reason}")
        self.tenant = tenant
        self.key_id = key_id
        self.reason = reason


class WarehouseError(AsahiError):
    """ClickHouse refused a statement: the statement, its data or the schema is wrong; retrying does not help.

    Args:
        message: What ClickHouse said.
        code: ClickHouse's error number, if it gave one.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class NextStep(Enum):
    """What follows a failed provider call."""

    RETRY = "the same target again, after a pause"
    WAIT = "the same target again, not before it allows"
    NEXT = "the next target"
    END = "no other target either"


class ProviderError(AsahiError):
    """A provider call failed.

    Args:
        code: Stable machine-readable code, e.g. `provider_timeout`.
        message: What happened, without prompt or secret.
        retry_after: Seconds the provider asked us to wait, if it did.
        tokens: What the provider billed nevertheless, if it said so.

    Attributes:
        next_step: What follows.
        remedy: What whoever sent the request should do when no target is left.
        unhealthy: Whether it counts against the provider: calls that would meet the same are better not made.
        congested: Whether fewer calls at once would have helped.
        perhaps_billed: Whether the provider may have done the work, so that it counts it.
    """

    next_step = NextStep.NEXT
    remedy = "Correct the request, or have the operator check the provider's key, models and limits."
    unhealthy = False
    congested = False
    perhaps_billed = False

    def __init__(
        self, code: str, message: str, retry_after: float | None = None, tokens: Tokens | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.tokens = tokens

    @property
    def retryable(self) -> bool:
        """Whether another attempt at the same target may succeed."""
        return self.next_step in (NextStep.RETRY, NextStep.WAIT)


_LATER = "Send the request again later under a new id."


class ProviderTimeout(ProviderError):
    """No answer in time; another attempt may succeed."""

    next_step = NextStep.RETRY
    remedy = _LATER
    unhealthy = True
    congested = True
    perhaps_billed = True


class ProviderOverloaded(ProviderError):
    """Busy or broken; another attempt may succeed."""

    next_step = NextStep.RETRY
    remedy = _LATER
    unhealthy = True
    congested = True


class ProviderRateLimited(ProviderOverloaded):
    """More calls or tokens than the provider allows; it is in good health and says when to come again."""

    next_step = NextStep.WAIT
    remedy = "Send the request again later under a new id, or have the operator raise or lower the provider's limits."
    unhealthy = False


class ProviderUnreachable(ProviderOverloaded):
    """The connection was refused, or broke before the answer was there."""

    congested = False
    perhaps_billed = True


class ProviderCircuitOpen(ProviderOverloaded):
    """The provider has failed too often of late, so it was not asked."""

    unhealthy = False
    congested = False


class ProviderUnreadable(ProviderError):
    """The provider answered, but not with a completion; another attempt may be readable.

    Args:
        code: As for every provider error.
        message: As for every provider error.
        tokens: What the provider billed nevertheless, if it said so.
    """

    next_step = NextStep.RETRY
    remedy = _LATER
    unhealthy = True
    perhaps_billed = True

    def __init__(self, code: str, message: str, tokens: Tokens | None = None) -> None:
        super().__init__(code, message, None, tokens)


class ProviderRefused(ProviderError):
    """The provider refused the request itself: another attempt there would be refused too."""


class ProviderBadRequest(ProviderRefused):
    """The provider finds the request malformed, or it cannot be put in the provider's format."""

    remedy = "Correct the request: the message says what the provider names."


class ProviderUnauthenticated(ProviderRefused):
    """The key is missing, wrong or revoked: no call can succeed until the operator acts."""

    remedy = "Have the operator set a valid key in the variable that `api_key_env` names."
    unhealthy = True


class ProviderForbidden(ProviderRefused):
    """The key lacks the right to this model, region or feature."""

    remedy = "Have the operator give the key the right, or remove the model from this provider."
    unhealthy = True


class ProviderModelUnknown(ProviderRefused):
    """The provider does not serve the model."""

    remedy = "Have the operator correct the model's name or its providers in the models file."
    unhealthy = True


class ProviderQuotaExhausted(ProviderRefused):
    """The account has no money or quota left: waiting does not help."""

    remedy = "Have the operator top up the provider's account or raise its quota."
    unhealthy = True


class ProviderContextLength(ProviderRefused):
    """The request is longer than the model reads; another one may read it."""

    remedy = "Shorten the request, or allow a model with a larger context window."


class ProviderContentFiltered(ProviderRefused):
    """What is asked, or what would be answered, offends the provider's rules; nobody else is asked to break them."""

    next_step = NextStep.END
    remedy = "Change what is asked: the provider's content rules forbid an answer."


class ChainBroken(AsahiError):
    """Links of the audit trail that cannot be true, or not beside those before them.

    Args:
        sequence: Where the chain breaks.
    """

    def __init__(self, sequence: int) -> None:
        super().__init__(f"the audit chain breaks at sequence {sequence}; see `asahi audit verify`")
        self.sequence = sequence


class EmbeddedServiceError(AsahiError):
    """A child process did not start, died, or would not stop."""
