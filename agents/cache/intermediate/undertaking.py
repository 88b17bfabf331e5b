"""A request whose steps are under way: which can begin, what they came to, and what they complete."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from schemas.batch import StepAccount, StepOf
from schemas.request import Request
from schemas.result import Status
from schemas.steps import DeclaredStep, needs_of
from schemas.tokens import estimate_tokens
from schemas.wire import ProblemRecord, ResultRecord
from streams.stage import Journey
from streams.steps.accounts import ANSWERED, account_of, paid_for
from streams.steps.foresight import Foresight
from streams.steps.requests import (
    completed,
    filled,
    filled_size,
    step_body,
    step_request,
    texts_of_request,
)

PROMPT, MESSAGES = "prompt", "messages"


class NoReceipt:
    """A step came in no message of its own."""

    def settle(self) -> None:
        """Nothing waits for a step to be durable but its request."""


NO_RECEIPT = NoReceipt()


class Undertaking:
    """One request and its steps.

    Args:
        journey: With what governance foresees of its steps.
        max_bytes: Most characters of a text with results in place.
        shared: Whether results of other requests' steps may serve.
    """

    __slots__ = (
        "_begun",
        "_max_bytes",
        "_needs",
        "_places",
        "_shared",
        "claimed",
        "failure",
        "journey",
        "owed",
        "results",
        "taken",
    )

    def __init__(self, journey: Journey, max_bytes: int, *, shared: bool) -> None:
        steps = journey.request.steps
        assert steps, "only a request with steps is undertaken"
        self.journey = journey
        self.results: dict[str, str] = {}
        self.taken: list[StepAccount] = []
        self.claimed: set[str] = set()  # counted here, and their usage is on its way
        self.owed: set[str] = set()  # to be counted here, as their completions come again
        self.failure: tuple[Status, ProblemRecord] | None = None
        self._places = {step.name: place for place, step in enumerate(steps)}
        self._needs = needs_of(steps)
        self._begun: set[str] = set()
        self._max_bytes = max_bytes
        self._shared = shared

    @property
    def settling(self) -> bool:
        """Whether what a call cost is counted here whose usage is not durable yet: nothing may end before."""
        return bool(self.claimed or self.owed)

    @property
    def complete(self) -> bool:
        """Whether every step has its result."""
        return len(self.results) == len(self._needs)

    def has_taken(self, name: str) -> bool:
        """Return whether a step has come to its end, or its call is being counted."""
        return name in self.claimed or any(account.name == name for account in self.taken)

    def ready(self) -> Iterator[DeclaredStep]:
        """Give the steps that can begin, each once; of a request that ends all, for none waits for another."""
        for step in self._steps:
            if step.name in self._begun:
                continue
            if self.failure is not None or self._needs[step.name] <= self.results.keys():
                self._begun.add(step.name)
                yield step

    def journey_of(self, step: DeclaredStep, now: float) -> Journey | None:
        """Return a step on its way; None where its input is too large, which fails the request."""
        if self._too_large([step.input], f"steps.{self._places[step.name]}.input"):
            return None
        parent = self.journey
        most = self._most_cost
        share = None if most is None else self._foresight.share(step.name, most)
        request = step_request(parent.request, step, filled(step.input, self.results), share, shared=self._shared)
        if (problem := self._too_long(request, f"steps.{self._places[step.name]}.input")) is not None:
            self.failure = self.failure or (Status.REJECTED, problem)
            return None
        return Journey(
            request,
            step_body(request),
            parent.digest,
            parent.partition,
            parent.received_at,
            NO_RECEIPT,
            tenant=parent.tenant,
            input_tokens=estimate_tokens(request),
            entered_at=now,
            key_id=parent.key_id,
            team=parent.team,
            policy=parent.policy,
            data_key=parent.data_key,
            sent=b"" if parent.data_key is None else parent.sent,
            step=StepOf(parent.request.id, step.name),
        )

    def take(self, name: str, result: ResultRecord) -> None:
        """Take in how a step ended."""
        self.claimed.discard(name)
        self.taken.append(account_of(name, result))
        field = f"steps.{self._places[name]}"
        if result.status not in ANSWERED:
            problem = result.error or ProblemRecord(
                "no_answer", "it ended without a reason", "send the request again"
            )
            self._fail(
                result.status,
                ProblemRecord(
                    problem.code,
                    f"{field}: step {name}: {problem.message}",
                    problem.remedy,
                    problem.field if result.status is Status.EXPIRED else field,
                    problem.retry_after_seconds,
                ),
            )
        elif result.output is None or not result.output.content:
            self._fail(
                Status.FAILED,
                ProblemRecord(
                    "step_without_text",
                    f"{field}: step {name} ended without text",
                    f"change its operation, or let {field}.sampling.max_output_tokens be larger",
                    field,
                ),
            )
        else:
            self.results[name] = result.output.content

    def completed(self) -> Journey | None:
        """Return the journey with the results in place; None where that makes it too large."""
        journey = self.journey
        field = PROMPT if journey.request.messages is None else MESSAGES
        if self._too_large(texts_of_request(journey.request), field):
            return None
        most = self._most_cost
        left = None if most is None else max(Decimal(0), most - paid_for(self.taken))
        request, body = completed(journey.request, journey.body, self.results, left)
        if (problem := self._too_long(request, field)) is not None:
            self.failure = (Status.REJECTED, problem)
            return None
        journey.request, journey.body, journey.taken = request, body, tuple(self.taken)
        if journey.reserved is not None:
            journey.reserved = max(Decimal(0), journey.reserved - paid_for(self.taken))
        journey.input_tokens = estimate_tokens(request)
        return journey

    @property
    def _steps(self) -> list[DeclaredStep]:
        steps = self.journey.request.steps
        assert steps is not None, "its steps leave a request only with it"
        return steps

    @property
    def _foresight(self) -> Foresight:
        foresight = self.journey.foresight
        assert foresight is not None, "governance foresees what steps cost before they are taken"
        return foresight

    @property
    def _most_cost(self) -> Decimal | None:
        """What the request may cost with all its steps, by itself and its policy."""
        bounds = [self.journey.request.constraints.max_cost_usd]
        if self.journey.policy.max_cost_usd is not None:
            bounds.append(self.journey.policy.max_cost_usd.value)
        return min((bound for bound in bounds if bound is not None), default=None)

    def _fail(self, status: Status, problem: ProblemRecord) -> None:
        """Fail the request, unless another step has: the first failure is told."""
        if self.failure is None:
            self.failure = (status, problem)

    def _too_large(self, texts: list[str], field: str) -> bool:
        """Return whether texts grow too large with results in place, which fails the request."""
        size = filled_size(texts, self.results)
        if size <= self._max_bytes:
            return False
        self._fail(
            Status.REJECTED,
            ProblemRecord(
                "results_too_large",
                f"{field}: {size} characters with the results of steps in place; intake.max_request_bytes is "
                f"{self._max_bytes}",
                "refer to fewer steps, or bound their sampling.max_output_tokens",
                field,
            ),
        )
        return True

    def _too_long(self, request: Request, field: str) -> ProblemRecord | None:
        """Return the problem of a call that is longer than its policy allows, now that results are known."""
        tokens, tenant, policy = estimate_tokens(request), self.journey.tenant, self.journey.policy
        rules = []
        if policy.max_input_tokens is not None:
            rules.append((policy.max_input_tokens.value, f"policy.max_input_tokens of {policy.max_input_tokens.by}"))
        if tenant is not None and tenant.limits.max_input_tokens is not None:
            rules.append((tenant.limits.max_input_tokens, "the tenant's limit"))
        for limit, rule in rules:
            if tokens > limit:
                return ProblemRecord(
                    "input_too_long",
                    f"{field}: about {tokens} input tokens with the results of steps in place; {rule} is {limit}",
                    "refer to fewer steps, or bound their sampling.max_output_tokens",
                    field,
                )
        return None
