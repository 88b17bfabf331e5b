"""What the evidence says about one matter: a figure, and whether it speaks for a control or shows a gap.

A judgement never says that a law is kept: only what Asahi's own log proves or fails to prove.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from agents.governance.compliance.evidence import BUDGET, KEY_AGE_DAYS, PERSONAL, Evidence

DAYS_TO_REMOVE = 1
"""Content that is too old by less than this is being removed, unless a look at the archive finds it late."""
PROTECTING = ("redact", "pseudonymize", "block")
SIGNATURE_CODES = (
    "unsigned_request",
    "unknown_key",
    "unreadable_key",
    "bad_signature",
    "clock_skew",
    "replayed_signature",
    "revoked_key",
    "expired_key",
    "wrong_scope",
    "wrong_tenant",
    "wrong_user",
)


class Verdict(StrEnum):
    """What the evidence amounts to."""

    EVIDENCE = "evidence for"
    GAP = "gap"
    NOT_COVERED = "not covered by Asahi"


class Judgement(NamedTuple):
    """About one matter.

    Attributes:
        figure: The number or fact in short.
        evidence: What it was computed from, and what follows.
    """

    verdict: Verdict
    figure: str
    evidence: str


def _of(holds: bool, figure: str, evidence: str) -> Judgement:
    return Judgement(Verdict.EVIDENCE if holds else Verdict.GAP, figure, evidence)


def share(part: int, whole: int) -> str:
    """Return a share as people read it; never 100 % when something is left over."""
    if not whole:
        return "none"
    percent = 100 * part / whole
    shown = f"{percent:.0f}" if part in (0, whole) else f"{min(99.9, max(0.1, percent)):.1f}"
    return f"{shown} % ({part:,} of {whole:,})"


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def retention(evidence: Evidence) -> Judgement:
    """Judge how long content is kept against how long it may be: in ClickHouse, and on topics."""
    days, oldest = evidence.retention_days, evidence.oldest_days
    unlimited = [row["name"] for row in evidence.tables if not row["ttl"]]
    kept = "none" if oldest is None else f"{oldest:.1f} days"
    tables = f"{len(unlimited)} of {len(evidence.tables)} tables keep rows without a time limit"
    if days is None:
        return _of(False, f"no limit; oldest content {kept}", f"The policy names no retention_days, and {tables}.")
    late = bool(evidence.overdue) or (oldest is not None and oldest > days + DAYS_TO_REMOVE)
    longer = evidence.topics_keep_longer
    figure = f"{days} days; oldest content {kept}; {counted(evidence.overdue, 'event')} overdue"
    topics = "topics keep no content longer"
    if longer is not None:
        topics = f"topics keep content for {longer:g} hours, longer than the {evidence.fewest_days} days of a policy"
    removals = counted(evidence.removals, "removal")
    return _of(
        not late and longer is None,
        figure if longer is None else f"{figure}; {longer:g} hours on topics",
        "policy.retention_days of the organization and everybody in it against the content in the archive, which is "
        f"removed when its time is over ({removals} on record). Facts without content stay: {tables}; {topics}.",
    )


def encryption(evidence: Evidence) -> Judgement:
    """Judge whether prompts and answers are encrypted where they rest."""
    whole, sealed = evidence.with_content
    return _of(
        bool(whole) and sealed == whole,
        share(sealed, whole),
        "Requests and results with content on the log and in the archive that are sealed under a key of the tenant.",
    )


def erasure(evidence: Evidence) -> Judgement:
    """Judge whether content can be erased, and was."""
    whole, sealed = evidence.with_content
    done = sum(row["times"] for row in evidence.erasures)
    readable = whole - sealed
    return _of(
        not readable,
        f"{counted(done, 'erasure')}; {counted(readable, 'message')} not erasable",
        "Erasures on record. Destroying a key erases what is sealed under it, in every copy; what was never sealed "
        "stays readable in the log and the archive until their retention ends.",
    )


def minimisation(evidence: Evidence) -> Judgement:
    """Judge whether personal data is kept from the providers."""
    mode = str(evidence.policy.get("personal_data") or "off")
    found = sum(row["found"] for row in evidence.personal_data)
    kinds = ", ".join(f"{row['kind']} {row['found']:,}" for row in evidence.personal_data) or "none"
    return _of(
        mode in PROTECTING,
        f"mode {mode}; {found:,} found",
        f"policy.personal_data of the organization; found by type: {kinds}; "
        f"{evidence.rejected(PERSONAL):,} requests rejected for it.",
    )


def by_design(evidence: Evidence) -> Judgement:
    """Judge which protections are in force before any request is served."""
    wanted = ("personal_data", "encryption", "retention_days", "allowed_providers")
    in_force = [name for name in wanted if evidence.policy.get(name) not in (None, "off")]
    return _of(
        len(in_force) == len(wanted),
        f"{len(in_force)} of {len(wanted)} in force",
        f"Of {', '.join(wanted)}, the organization's policy sets: {', '.join(in_force) or 'none'}.",
    )


def accountability(evidence: Evidence) -> Judgement:
    """Judge whether the audit trail is whole."""
    chain = evidence.audit_chain
    if chain is None:
        return _of(False, "not verified", "There is no key to verify the checkpoints of the audit trail with.")
    sealed = sum(report.tally.sealed for report in chain.chains)
    figure = f"{sealed:,} records sealed, {chain.checkpoints:,} signatures, {len(chain.findings):,} findings"
    return _of(
        chain.sound and bool(chain.checkpoints),
        figure,
        "`asahi audit verify` when this report was made: hash chain recomputed, compared with signed checkpoints.",
    )


def access(evidence: Evidence) -> Judgement:
    """Judge whether looks at readable content are on record, each with a reason."""
    looks = sum(row["times"] for row in evidence.accesses)
    unexplained = sum(row["without_reason"] for row in evidence.accesses)
    people = len({row["actor"] for row in evidence.accesses})
    return _of(
        not unexplained,
        f"{counted(looks, 'look')} by {counted(people, 'person', 'people')}, {unexplained:,} without a reason",
        "Audit records of commands that make content readable; each is written before the content is shown.",
    )


def subject_access(evidence: Evidence) -> Judgement:
    """Judge whether what concerns a person can be found."""
    whole = sum(row["results"] for row in evidence.results)
    named = sum(row["naming_user"] for row in evidence.results)
    return _of(
        bool(whole) and named == whole,
        f"{share(named, whole)} name a user",
        "Results whose request named its user; by that name all that concerns a person is found in the archive.",
    )


def processors(evidence: Evidence) -> Judgement:
    """Judge whether it is known who processes content, and where."""
    unknown = [name for name, region in evidence.regions.items() if region is None]
    used = ", ".join(f"{name} ({region or 'region not configured'})" for name, region in evidence.regions.items())
    return _of(
        not unknown,
        f"{counted(len(evidence.regions), 'provider')}, {len(unknown)} without a region",
        f"Providers that answered, from paid calls, with the region in their settings: {used or 'none'}.",
    )


def records_of_processing(evidence: Evidence) -> Judgement:
    """Judge whether every processing is on record."""
    calls = sum(row["calls"] for row in evidence.providers)
    whole = sum(row["results"] for row in evidence.results)
    return _of(
        True,
        f"{evidence.requests:,} requests, {whole:,} results, {calls:,} provider calls",
        "Every request, result and paid call is an event with tenant, user, model, provider and time.",
    )


def integrity(evidence: Evidence) -> Judgement:
    """Judge whether every request had its result."""
    return _of(
        not evidence.without_result,
        f"{evidence.without_result:,} of {evidence.requests:,} requests without a result",
        f"Requests against results; {evidence.dead_letters:,} messages that no stage could process are dead letters.",
    )


def authentication(evidence: Evidence) -> Judgement:
    """Judge whether whoever sends requests proves who he is."""
    refused = evidence.rejected(*SIGNATURE_CODES)
    return _of(
        bool(evidence.messages) and evidence.signed == evidence.messages,
        f"{share(evidence.signed, evidence.messages)} signed",
        f"Messages on the request topic that carry a signature; {refused:,} requests were refused for theirs.",
    )


def key_hygiene(evidence: Evidence) -> Judgement:
    """Judge whether keys expire and are rotated."""
    keys = evidence.keys
    return _of(
        bool(keys.active) and not (keys.without_expiry or keys.old),
        f"{keys.active} active, {keys.without_expiry} without expiry, {keys.old} older than {KEY_AGE_DAYS} days",
        f"Keys in the registry; {keys.revoked} revoked, {keys.expired} expired.",
    )


def unique_users(evidence: Evidence) -> Judgement:
    """Judge whether keys are of persons."""
    keys = evidence.keys
    return _of(
        bool(keys.active) and not keys.shared,
        f"{keys.active - keys.shared} of {keys.active} keys are of a user",
        "Active keys that belong to one user rather than to a team or to the whole organization.",
    )


def change_management(evidence: Evidence) -> Judgement:
    """Judge whether changes name who made them and why."""
    acts = sum(row["times"] for row in evidence.administration)
    unexplained = sum(row["without_reason"] for row in evidence.administration)
    return _of(
        not unexplained,
        f"{counted(acts, 'act')}, {unexplained:,} without a reason",
        "Administrative acts about the tenant in the audit trail, each with actor, reason and time.",
    )


def monitoring(evidence: Evidence) -> Judgement:
    """Judge whether violations are noticed."""
    rejected = sum(row["times"] for row in evidence.rejections)
    kinds = ", ".join(f"{row['code']} {row['times']:,}" for row in evidence.rejections) or "none"
    passed = sum(row["times"] for row in evidence.audited if BUDGET in row["action"]) + evidence.rejected(BUDGET)
    return _of(
        True,
        f"{counted(rejected, 'rejection')}, budgets passed {passed:,} times",
        f"Every request that broke a rule was refused with a code and is on record: {kinds}.",
    )


def outside(why: str) -> Judgement:
    """Say that Asahi's log proves nothing here, and who has to."""
    return Judgement(Verdict.NOT_COVERED, "", why)
