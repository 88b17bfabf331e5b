"""Screening as a step: personal data is found, counted, and replaced or refused as the policy says."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from agents.governance import problems
from agents.governance.personal.finding import Finding
from agents.governance.personal.injection import signs_of_injection
from agents.governance.personal.replacement import Pseudonyms, redact, replaced
from agents.governance.personal.texts import rewritten, texts_of
from schemas.policy import Failing, PersonalDataMode
from schemas.result import Status
from schemas.wire import AuditRecord, PersonalDataRecord, ProblemRecord
from streams.outcomes import rejection_audit
from streams.placeholders import placeholders_in
from streams.stage import Flow, Journey, ended_with, moment

logger = logging.getLogger(__name__)

STAGE = "personal_data"
TRUSTED_ROLES = frozenset({"system", "developer", "tools"})
"""Whose texts instruct the model by right."""
REPLACING = frozenset({PersonalDataMode.REDACT, PersonalDataMode.PSEUDONYMIZE})


class Finder(Protocol):
    """Finds personal data in a text."""

    def find(self, text: str) -> list[Finding]:
        """Return what was found, in order and without overlaps."""
        ...


class Rules(NamedTuple):
    """What holds for one journey."""

    mode: PersonalDataMode
    failing: Failing


NO_RULES = Rules(PersonalDataMode.OFF, Failing.CLOSED)
RulesOf = Callable[[Journey], Rules]


def rules_of_policy(journey: Journey) -> Rules:
    """Return what the policies of the journey's scopes come to."""
    policy = journey.policy
    if policy.personal_data is None and policy.failing is None:
        return NO_RULES
    return Rules(policy.personal_data_mode, Failing.OPEN if policy.fails_open else Failing.CLOSED)


class PersonalDataStep:
    """Screens prompts, and puts placeholders into them before cache, windows, routing and providers see them.

    Args:
        detector: What finds personal data.
        rules_of: What is done with it, for a journey.
        injection: Whether signs of prompt injection are looked for.
    """

    name = STAGE

    def __init__(self, detector: Finder, rules_of: RulesOf = rules_of_policy, *, injection: bool = True) -> None:
        self._detector = detector
        self._rules_of = rules_of
        self._injection = injection

    def process(self, journeys: Sequence[Journey], now: float) -> Flow:
        """Screen these journeys; only one that its policy blocks, or that cannot be checked, ends here."""
        flow = Flow()
        for journey in journeys:
            problem = self._screen(journey)
            if problem is None:
                flow.onward.append(journey)
            else:
                problem = problems.to_resend(problem)
                flow.ended.append((journey, ended_with(journey, Status.REJECTED, problem, now)))
                flow.audits.append(rejection_audit(journey.request.tenant, journey.request.id, problem, now))
            if journey.personal_data is not None or journey.injection:
                flow.audits += _audits(journey, now)
        return flow

    def _screen(self, journey: Journey) -> ProblemRecord | None:
        mode, failing = self._rules_of(journey)
        try:
            if self._injection:
                journey.injection = _injection(journey)
            return None if mode is PersonalDataMode.OFF else self._check(journey, mode)
        except Exception as bug:  # noqa: BLE001 - the policy says what holds when a check fails, whatever the reason
            # its message might quote the prompt
            logger.error(
                "a prompt could not be screened",
                extra={"request_id": journey.request.id, "bug": type(bug).__name__, "failing": str(failing)},
            )
            if mode is PersonalDataMode.OFF:
                return None
            journey.personal_data = PersonalDataRecord(mode, unchecked=True)
            return None if failing is Failing.OPEN else _unchecked()

    def _check(self, journey: Journey, mode: PersonalDataMode) -> ProblemRecord | None:
        """Return what the policy has against the journey; else fill in what was found and rewrite the request."""
        found = [(field, self._detector.find(text)) for field, _, text in texts_of(journey.request)]
        types: Counter[str] = Counter(str(one.kind) for _, findings in found for one in findings)
        if not types:
            return None
        problem = None
        if mode is PersonalDataMode.BLOCK:
            problem = _blocked(next(field for field, findings in found if findings), types)
        elif mode in REPLACING:
            self._replace(journey, mode)
        journey.personal_data = PersonalDataRecord(mode, dict(sorted(types.items())))
        return problem

    def _replace(self, journey: Journey, mode: PersonalDataMode) -> None:
        taken: set[str] = set()
        for _, _, text in texts_of(journey.request):
            taken |= placeholders_in(text)
        pseudonyms = Pseudonyms(taken)
        name = redact if mode is PersonalDataMode.REDACT else pseudonyms.name
        request, body = rewritten(
            journey.request, journey.body, lambda text: replaced(text, self._detector.find(text), name)
        )
        journey.request, journey.body = request, body
        journey.originals = {**journey.originals, **pseudonyms.originals}


def _injection(journey: Journey) -> tuple[str, ...]:
    request = journey.request
    if request.messages is None and request.steps is None:  # the prompt is all that is not trusted
        signs = signs_of_injection(request.prompt or "")
    else:
        signs = frozenset().union(
            *(signs_of_injection(text) for _, role, text in texts_of(request) if role not in TRUSTED_ROLES)
        )
    return tuple(sorted(signs)) if signs else ()


def counted(types: dict[str, int]) -> str:
    """Return counts for people, e.g. `email: 2, phone: 1`."""
    return ", ".join(f"{name}: {count}" for name, count in sorted(types.items()))


def _blocked(field: str, types: dict[str, int]) -> ProblemRecord:
    return ProblemRecord(
        "personal_data",
        f"{field}: holds personal data, which the policy does not allow ({counted(types)} in the whole request)",
        f"remove the personal data from {field}",
        field,
    )


def _unchecked() -> ProblemRecord:
    return ProblemRecord(
        "personal_data_unchecked",
        "the request could not be checked for personal data, and the policy does not let it pass unchecked",
        "have an operator look into the worker's log",
    )


def _audits(journey: Journey, now: float) -> list[AuditRecord]:
    """Return the audits of what was found; their ids repeat when the request is delivered again."""
    found, audits = journey.personal_data, []
    if found is not None:
        reason = "the check failed" if found.unchecked else counted(found.types)
        audits.append(_audit(journey, "personal_data_found", str(found.mode), reason, now))
    if journey.injection:
        audits.append(_audit(journey, "prompt_injection_suspected", "flag", ", ".join(journey.injection), now))
    return audits


def _audit(journey: Journey, action: str, outcome: str, reason: str, now: float) -> AuditRecord:
    request = journey.request
    return AuditRecord(
        id=f"{action}/{request.tenant}/{request.id}",
        actor=STAGE,
        action=action,
        subject=request.id,
        outcome=outcome,
        reason=f"{action}: {reason}",
        occurred_at=moment(now),
        tenant=request.tenant,
    )
