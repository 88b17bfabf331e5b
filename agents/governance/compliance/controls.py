"""The articles and controls that the evidence speaks to. One line each: adding one is a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agents.governance.compliance import judgements as judge
from agents.governance.compliance.evidence import Evidence
from agents.governance.compliance.judgements import Judgement, outside

GDPR, SOC2, HIPAA = "GDPR", "SOC 2", "HIPAA"

Judge = Callable[[Evidence], Judgement]


@dataclass(frozen=True, slots=True)
class Control:
    """One article or control.

    Attributes:
        framework: Where it is from.
        reference: Its number there.
        title: What it asks for, in short.
        judge: What the evidence says about it.
    """

    framework: str
    reference: str
    title: str
    judge: Judge


def _outside(why: str) -> Judge:
    return lambda evidence: outside(why)


CONTROLS: tuple[Control, ...] = (
    Control(GDPR, "Art. 5(1)(c)", "Data minimisation", judge.minimisation),
    Control(GDPR, "Art. 5(1)(e)", "Storage limitation", judge.retention),
    Control(GDPR, "Art. 5(1)(f)", "Integrity and confidentiality", judge.encryption),
    Control(GDPR, "Art. 5(2)", "Accountability", judge.accountability),
    Control(GDPR, "Art. 6", "Lawfulness of processing", _outside("The legal basis is the controller's to state.")),
    Control(GDPR, "Art. 15", "Access by the data subject", judge.subject_access),
    Control(GDPR, "Art. 17", "Erasure", judge.erasure),
    Control(GDPR, "Art. 25", "Protection by design and by default", judge.by_design),
    Control(GDPR, "Art. 28, 44", "Processors and transfers", judge.processors),
    Control(GDPR, "Art. 30", "Records of processing", judge.records_of_processing),
    Control(GDPR, "Art. 32(1)(a)", "Encryption and pseudonymisation", judge.encryption),
    Control(GDPR, "Art. 32(1)(b)", "Access only for the authorised", judge.authentication),
    Control(
        GDPR,
        "Art. 33",
        "Notification of a breach",
        _outside(
            "Asahi shows rejections and findings of the audit trail; to notify within 72 hours is the controller's."
        ),
    ),
    Control(
        GDPR,
        "Art. 35",
        "Impact assessment",
        _outside("An assessment is made by people; this report can be an annex."),
    ),
    Control(SOC2, "CC6.1", "Logical access: credentials", judge.key_hygiene),
    Control(SOC2, "CC6.1", "Logical access: authentication", judge.authentication),
    Control(SOC2, "CC6.2, CC6.3", "Access is granted and removed on record", judge.change_management),
    Control(SOC2, "CC6.5", "Disposal of data", judge.erasure),
    Control(SOC2, "CC6.7", "Confidentiality of what is stored and moved", judge.encryption),
    Control(SOC2, "CC7.2", "Monitoring for anomalies and violations", judge.monitoring),
    Control(SOC2, "CC7.3, CC7.4", "Incident response", _outside("Asahi records; responding is a process of people.")),
    Control(SOC2, "CC8.1", "Change management", judge.change_management),
    Control(SOC2, "C1.1", "Confidential information is kept as long as agreed", judge.retention),
    Control(SOC2, "PI1.3", "Processing is complete and accurate", judge.integrity),
    Control(SOC2, "PI1.5", "Records of processing are protected", judge.accountability),
    Control(HIPAA, "§ 164.308(a)(1)(ii)(D)", "Information system activity review", judge.access),
    Control(HIPAA, "§ 164.312(a)(2)(i)", "Unique user identification", judge.unique_users),
    Control(HIPAA, "§ 164.312(a)(2)(iv)", "Encryption and decryption", judge.encryption),
    Control(HIPAA, "§ 164.312(b)", "Audit controls", judge.accountability),
    Control(HIPAA, "§ 164.312(c)(1)", "Integrity", judge.integrity),
    Control(HIPAA, "§ 164.312(d)", "Person or entity authentication", judge.authentication),
    Control(
        HIPAA,
        "§ 164.312(e)(1)",
        "Transmission security",
        _outside("TLS is configured at the brokers, at ClickHouse and in front of Asahi; the log does not show it."),
    ),
    Control(
        HIPAA,
        "§ 164.314(a)",
        "Business associate contracts",
        _outside("Contracts with the providers below are the covered entity's."),
    ),
)
