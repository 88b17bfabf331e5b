"""The cache as a step: look up, wait for the one under way, or go first; and what a completion releases."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence

from agents.cache.exact import QUESTION_BYTES, Cache, Entry, entry_of, worth_keeping
from agents.cache.fingerprint import fingerprint_of
from agents.cache.flights import Flights
from agents.cache.questions import Questions
from agents.cache.semantic.found import Found
from agents.cache.served import failed_alike, from_cache, from_flight, from_question, missed
from schemas.batch import Completion, Failure
from schemas.policy import CacheMode
from schemas.registry import ModelRegistry
from schemas.request import CacheDirective
from schemas.settings import IntakeSettings
from schemas.verdict import Verdict
from streams.evictions import Evictions
from streams.stage import Flow, Journey, deadline_of, expired, ms_between

LEADERS_OWN = frozenset({"no_model_meets_constraints", "model_does_not_fit"})
"""Failures that say nothing about the question: latency budget and maximum cost are not in the fingerprint."""
NOTHING_NEAR: Mapping[int, Found] = {}
NO_ANSWER = Failure("no_answer", "the call ended with neither an answer nor a reason", "send the request again")


class CacheStep:
    """The cache of one partition of `asahi.requests`; dropped as a whole when the partition is revoked.

    Of the requests with one fingerprint one leads and is called, the others wait. Whoever ends a leader without a
    completion (a window that expired it, routing that rejected it) must say so with `abandon`, or they wait for
    their deadlines.

    Args:
        settings: Bounds of the exact tier.
        registry: Prices of the reference models.
        questions: The semantic tier; None where questions are not compared.
        evictions: Which answers were taken out.
    """

    name = "cache"

    def __init__(
        self,
        settings: IntakeSettings,
        registry: ModelRegistry,
        questions: Questions | None = None,
        evictions: Evictions | None = None,
    ) -> None:
        self._evictions = evictions or Evictions()
        self._questions = questions
        dropped = None if questions is None else questions.remove
        self._cache = Cache(settings.cache_entries, settings.cache_bytes, dropped, settings.cache_tenant_share)
        self._flights = Flights()
        self._registry = registry

    @property
    def entries(self) -> int:
        """Number of answers kept."""
        return len(self._cache)

    @property
    def waiting(self) -> int:
        """Number of journeys kept back for an identical one."""
        return self._flights.held

    def process(self, journeys: Sequence[Journey], now: float) -> Flow:
        """Answer what is cached, keep back what is under way, send the rest onward with its fingerprint."""
        flow = Flow()
        fingerprints: dict[int, str] = {}
        near = NOTHING_NEAR
        if self._questions is not None:
            near = self._near(self._questions, journeys, now, fingerprints)
        for place, journey in enumerate(journeys):
            self._decide(journey, now, flow, near.get(place), fingerprints.get(place))
        return flow

    def withdraw(self, journey: Journey) -> None:
        """Take back what became of a journey in a call of `process` that failed."""
        self._flights.release(journey)
        fingerprint = journey.fingerprint
        if fingerprint is not None and self._flights.leader_of(fingerprint) == journey.request.id:
            self._flights.land(fingerprint)
        journey.fingerprint = journey.asked = None

    def complete(self, completion: Completion, now: float) -> Flow:
        """Keep the answer of a completed call and release who waited for it.

        A failure fails the others as well, for their question is the same, unless it was the leader's own: then the
        next in line leads. An answer that a `refresh` brought releases them too, when it is worth keeping.
        """
        flow = Flow()
        fingerprint = completion.passenger.fingerprint
        if fingerprint is None:
            return flow
        leads = self._flights.leader_of(fingerprint) == completion.passenger.id
        if completion.answer is not None:
            self._compare(completion, now, flow)
            entry = entry_of(completion, self._registry)
            kept = not completion.makeshift and self._keep(completion, fingerprint, entry, now)
            if leads or kept:
                self._release(self._flights.land(fingerprint), entry, now, flow)
        elif leads:
            failure = completion.failure or NO_ANSWER
            if failure.expired or failure.code in LEADERS_OWN:
                self._succeed(fingerprint, now, flow)
            else:
                self._fail(self._flights.land(fingerprint), failure, now, flow)
        return flow

    def abandon(self, journey: Journey, now: float) -> Flow:
        """Hear that a journey sent onward ended before its call; the next in line leads instead."""
        flow = Flow()
        fingerprint = journey.fingerprint
        if fingerprint is not None and self._flights.leader_of(fingerprint) == journey.request.id:
            self._succeed(fingerprint, now, flow)
        return flow

    def defer(self, journey: Journey, now: float) -> Flow:
        """Hear that a leader is left to a batch; the first who cannot wait until its deadline leads instead."""
        flow = Flow()
        fingerprint, deadline = journey.fingerprint, deadline_of(journey.request)
        if fingerprint is None or deadline is None or self._flights.leader_of(fingerprint) != journey.request.id:
            return flow
        hurried = self._flights.slow_down(fingerprint, deadline)
        while hurried:
            first = hurried.pop(0)
            self._flights.release(first)
            if _overdue(first, now):
                self._expire((first,), now, flow)
                continue
            self._flights.lead(fingerprint, first.request.id)
            first.fingerprint = fingerprint
            flow.onward.append(first)
            break
        return flow

    def expire(self, now: float) -> Flow:
        """End those whose deadline passed while they waited."""
        flow = Flow()
        self._expire(self._flights.overdue(now), now, flow)
        return flow

    def next_due(self) -> float | None:
        """Return the Unix seconds at which `expire` next has something to do at the earliest, or None."""
        return self._flights.next_deadline()

    def restore(self, completion: Completion, now: float) -> None:
        """Keep an answer found in the log at recovery; nobody is released."""
        fingerprint = completion.passenger.fingerprint
        if fingerprint is not None and completion.answer is not None and not completion.makeshift:
            self._keep(completion, fingerprint, entry_of(completion, self._registry), now)

    def judge(self, verdicts: Sequence[Verdict]) -> None:
        """Learn whether answers to questions in other words were right."""
        if self._questions is not None:
            self._questions.judge(verdicts)

    def forget(self, data_key: str) -> None:
        """Drop the answers under a data key that was destroyed."""
        self._cache.drop(lambda entry: entry.data_key == data_key)

    def evict(self) -> None:
        """Drop the answers that were taken out meanwhile."""
        self._cache.drop(self._evicted)

    def resume(self, fingerprint: str, leader_id: str) -> None:
        """Register a call that was under way before recovery, so that identical requests wait for it."""
        if self._flights.leader_of(fingerprint) is None:
            self._flights.lead(fingerprint, leader_id)

    def _near(
        self, questions: Questions, journeys: Sequence[Journey], now: float, fingerprints: dict[int, str]
    ) -> Mapping[int, Found]:
        """Note what journeys ask; return by place which kept question answers one that the exact tier does not."""
        missed: dict[int, Journey] = {}
        for place, journey in enumerate(journeys):
            journey.asked = None if journey.step is not None else questions.asked(journey)
            if journey.asked is not None:
                fingerprint = fingerprints[place] = self._fingerprint(journey)
                if self._kept(fingerprint, journey, now) is None:
                    missed[place] = journey
        return questions.near(missed) if missed else NOTHING_NEAR

    def _fingerprint(self, journey: Journey) -> str:
        fingerprint = fingerprint_of(journey.request, journey.policy.sharing)
        if journey.data_key is None:
            return fingerprint
        # a hash of a guessed prompt would tell that it was asked
        return journey.data_key.fingerprint(fingerprint.encode())

    def _kept(self, fingerprint: str, journey: Journey, now: float) -> Entry | None:
        """Return the answer under a fingerprint if this journey may have it."""
        assert journey.tenant is not None, "governance names the tenant before the cache"
        return self._cache.get(fingerprint, now, journey.tenant.answer_ttl(journey.request.cache))

    def _decide(self, journey: Journey, now: float, flow: Flow, near: Found | None, fingerprint: str | None) -> None:
        request = journey.request
        directive, mode = request.cache.directive, journey.policy.cache_mode
        usual = directive is CacheDirective.DEFAULT
        if mode is CacheMode.OFF or (not usual and directive is CacheDirective.BYPASS):
            journey.asked = None
            flow.onward.append(journey)
            return
        if fingerprint is None:
            fingerprint = self._fingerprint(journey)
        if usual or directive is not CacheDirective.REFRESH:
            entry = self._kept(fingerprint, journey, now)
            if entry is not None:
                flow.ended.append((journey, from_cache(journey, entry, self._registry, now)))
                return
            if near is not None and (entry := self._kept(near.key, journey, now)) is not None:
                flow.ended.append((journey, from_question(journey, entry, near, self._registry, now)))
                return
            if not usual and directive is CacheDirective.ONLY:
                flow.ended.append((journey, missed(journey, now)))
                return
        if mode is CacheMode.READ_ONLY:  # who leads fills the cache
            journey.asked = None
            flow.onward.append(journey)
            return
        leader = self._flights.leader_of(fingerprint)
        if leader is None or (leader != request.id and usual and self._flights.too_slow_for(fingerprint, journey)):
            self._flights.lead(fingerprint, request.id)
        elif leader != request.id and usual:
            self._flights.hold(fingerprint, journey)
            return
        journey.fingerprint = fingerprint
        flow.onward.append(journey)

    def _keep(self, completion: Completion, fingerprint: str, entry: Entry, now: float) -> bool:
        """Keep an answer that is worth it, and its question where that may be compared; return whether it is kept."""
        if not worth_keeping(entry.answer) or self._evicted(entry):
            return False
        asked = completion.passenger.asked
        if self._questions is None or asked is None:
            return self._cache.put(fingerprint, entry, now)
        entry.size += QUESTION_BYTES + sys.getsizeof(asked.text)
        if not self._cache.put(fingerprint, entry, now):
            return False
        self._questions.add(fingerprint, asked, entry, completion.passenger.tenant)
        return True

    def _evicted(self, entry: Entry) -> bool:
        model = entry.answered_by.model
        return self._evictions.covers(entry.tenant, entry.source_request_id, model, entry.filled_at)

    def _compare(self, completion: Completion, now: float, flow: Flow) -> None:
        """Learn from a model's answer whether one kept for another question would have served."""
        asked, questions = completion.passenger.asked, self._questions
        if asked is None or asked.rival is None or questions is None:
            return
        kept = self._cache.get(asked.rival.fingerprint, now, math.inf)
        verdict = None if kept is None else questions.compared(completion, asked.rival, kept)
        if verdict is not None:
            questions.judge([verdict])
            flow.verdicts.append(verdict)

    def _release(self, waited: Iterable[Journey], entry: Entry, now: float, flow: Flow) -> None:
        for journey in waited:
            if _overdue(journey, now):
                self._expire((journey,), now, flow)
            else:
                self._note_wait(journey, now)
                flow.ended.append((journey, from_flight(journey, entry, self._registry, now)))

    def _fail(self, waited: Iterable[Journey], failure: Failure, now: float, flow: Flow) -> None:
        for journey in waited:
            self._note_wait(journey, now)
            flow.ended.append((journey, failed_alike(journey, failure, now)))

    def _succeed(self, fingerprint: str, now: float, flow: Flow) -> None:
        """Send the first who can still lead onward; the others wait for it."""
        while (journey := self._flights.first_waiting(fingerprint)) is not None:
            if _overdue(journey, now):
                self._expire((journey,), now, flow)
                continue
            self._flights.lead(fingerprint, journey.request.id)
            journey.fingerprint = fingerprint
            flow.onward.append(journey)
            return
        self._flights.land(fingerprint)

    def _expire(self, late: Iterable[Journey], now: float, flow: Flow) -> None:
        for journey in late:
            self._note_wait(journey, now)
            flow.ended.append((journey, expired(journey, now)))

    def _note_wait(self, journey: Journey, now: float) -> None:
        """Write the wait of a journey that ends here; of one that goes onward the fold writes it."""
        journey.stages_ms[self.name] = ms_between(journey.entered_at, now)


def _overdue(journey: Journey, now: float) -> bool:
    deadline = deadline_of(journey.request)
    return deadline is not None and deadline <= now
