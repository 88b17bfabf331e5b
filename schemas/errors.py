"""Every exception Asahi raises on purpose, as one tree.

```
AsahiError
├── ConfigurationError      a setting or file is wrong; names it and the remedy
├── InvalidEvent            bytes that are not the event they claim to be
├── InfrastructureError     broker or engine unreachable; retried with backoff
│   ├── BrokerUnavailable
│   └── WarehouseUnavailable
├── UsageUnreadable         what a provider billed cannot be read; names the field
├── WarehouseError          the engine refused a statement; retrying does not help
├── ProviderError           a provider call failed
│   ├── ProviderTimeout     retryable
│   ├── ProviderOverloaded  retryable (429, 5xx, connection refused)
│   ├── ProviderUnreadable  retryable: it answered, but not with a completion
│   └── ProviderRefused     final (4xx): the request itself is at fault
└── EmbeddedServiceError    a child process did not start, died or would not stop
```

Expected outcomes of a stage (a rejection, a dead letter) are values, not exceptions.
"""

from __future__ import annotations

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
    """The broker or the engine is unreachable: retried with backoff until it heals."""


class BrokerUnavailable(InfrastructureError):
    """No Kafka broker answers."""


class WarehouseUnavailable(InfrastructureError):
    """ClickHouse does not answer, or answers that it is overloaded."""


class WarehouseError(AsahiError):
    """ClickHouse refused a statement: the statement, its data or the schema is wrong; retrying does not help.

    Args:
        message: What ClickHouse said.
        code: ClickHouse's error number, if it gave one.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class ProviderError(AsahiError):
    """A provider call failed.

    Args:
        code: Stable machine-readable code, e.g. `provider_timeout`.
        message: What happened, without prompt or secret.
        retry_after: Seconds the provider asked us to wait, if it did.
    """

    retryable = False

    def __init__(self, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after


class ProviderTimeout(ProviderError):
    """No answer in time; another attempt may succeed."""

    retryable = True


class ProviderOverloaded(ProviderError):
    """Busy, rate limited or unreachable; another attempt may succeed."""

    retryable = True


class ProviderUnreadable(ProviderError):
    """The provider answered, but not with a completion; another attempt may be readable.

    Args:
        code: As for every provider error.
        message: As for every provider error.
        tokens: What the provider billed nevertheless, if it said so.
    """

    retryable = True

    def __init__(self, code: str, message: str, tokens: Tokens | None = None) -> None:
        super().__init__(code, message)
        self.tokens = tokens


class ProviderRefused(ProviderError):
    """The provider refused the request itself: another attempt would be refused too."""


class EmbeddedServiceError(AsahiError):
    """A child process did not start, died, or would not stop."""
