"""The report as a document: judgements by control, and the evidence they were made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from agents.governance.audit.commands import document as audit_document
from agents.governance.compliance.controls import CONTROLS, Control
from agents.governance.compliance.evidence import Evidence
from agents.governance.compliance.judgements import Verdict
from streams.warehouse.client import Row

FINDINGS_SHOWN = 20


def report(evidence: Evidence, controls: Sequence[Control] = CONTROLS) -> dict[str, Any]:
    """Return the report of a tenant.

    Args:
        evidence: Gathered for the period.
        controls: Articles and controls to speak to.
    """
    judged = [(control, control.judge(evidence)) for control in controls]
    return {
        "tenant": evidence.tenant,
        "since": evidence.since.isoformat(),
        "until": evidence.until.isoformat(),
        "generated_at": evidence.now.isoformat(),
        "summary": _summary([(control.framework, judgement.verdict) for control, judgement in judged]),
        "controls": [
            {
                "framework": control.framework,
                "reference": control.reference,
                "title": control.title,
                "verdict": judgement.verdict.value,
                "figure": judgement.figure,
                "evidence": judgement.evidence,
            }
            for control, judgement in judged
        ],
        "evidence": _evidence(evidence),
    }


def _summary(verdicts: Iterable[tuple[str, Verdict]]) -> dict[str, dict[str, int]]:
    """Return how many controls of each framework have each verdict."""
    summary: dict[str, dict[str, int]] = {}
    for framework, verdict in verdicts:
        counts = summary.setdefault(framework, {each.value: 0 for each in Verdict})
        counts[verdict.value] += 1
    return summary


def _evidence(evidence: Evidence) -> dict[str, Any]:
    chain = None if evidence.audit_chain is None else audit_document(evidence.audit_chain)
    if chain is not None:
        chain["findings"] = chain["findings"][:FINDINGS_SHOWN]
    return {
        "processing": {
            "requests": evidence.requests,
            "without_result": evidence.without_result,
            "dead_letters": evidence.dead_letters,
            "results": _plain(evidence.results),
        },
        "retention": {
            "policy_days": evidence.retention_days,
            "fewest_days": evidence.fewest_days,
            "oldest_content_days": evidence.oldest_days,
            "overdue": evidence.overdue,
            "removals": evidence.removals,
            "topics_keep_longer_hours": evidence.topics_keep_longer,
            "oldest": _plain(evidence.oldest),
            "topics_hours": dict(evidence.topics),
            "tables": _plain(evidence.tables),
        },
        "encryption": _plain(evidence.sealed),
        "erasures": _plain(evidence.erasures),
        "access": _plain(evidence.accesses),
        "administration": _plain(evidence.administration),
        "violations": _plain(evidence.rejections),
        "budgets_passed": evidence.rejected("budget"),
        "providers": [{**row, "region": evidence.regions.get(row["provider"])} for row in _plain(evidence.providers)],
        "personal_data": _plain(evidence.personal_data),
        "signatures": {"messages": evidence.messages, "signed": evidence.signed},
        "keys": asdict(evidence.keys),
        "policy": dict(evidence.policy),
        "audit_chain": chain,
    }


def _plain(rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    """Return rows as JSON has them."""
    return [{name: _value(value) for name, value in row.items()} for row in rows]


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else value
