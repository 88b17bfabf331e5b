"""The report as one HTML page that needs nothing else, to be read on a screen or printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from agents.governance.compliance.judgements import Verdict
from agents.governance.compliance.markup import Markup, element, facts, joined, table

STYLE = (Path(__file__).parent / "page.css").read_text()
MARKS = {Verdict.EVIDENCE.value: "evidence", Verdict.GAP.value: "gap", Verdict.NOT_COVERED.value: "outside"}
DIGITS_OF_A_DAY = 10

Document = Mapping[str, Any]
Rows = Sequence[Mapping[str, Any]]


def page(document: Document) -> str:
    """Return the report as HTML.

    Args:
        document: What `agents.governance.compliance.report.report` made.
    """
    title = f"Compliance report: {document['tenant']}"
    head = element(
        "head",
        Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    body = element("body", element("main", _opening(document, title), *_controls(document), *_evidence(document)))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _opening(document: Document, title: str) -> Markup:
    period = f"{_day(document['since'])} to {_day(document['until'])}, made {document['generated_at'][:16]} UTC"
    cards = [
        element(
            "div",
            element("h3", framework),
            *(
                element("p", element("b", str(counts[verdict])), f" {verdict}", class_=mark)
                for verdict, mark in MARKS.items()
            ),
            class_="card",
        )
        for framework, counts in document["summary"].items()
    ]
    note = (
        "Computed from the event log of Asahi. “Evidence for” says that the log supports the control in this period, "
        "“gap” that it does not, and “not covered” that the log cannot tell. It is not a certificate."
    )
    return element(
        "header",
        element("h1", title),
        element("p", period),
        element("div", *cards, class_="cards"),
        element("p", note, class_="note"),
    )


def _controls(document: Document) -> list[Markup]:
    parts = []
    for framework, controls in groupby(document["controls"], key=lambda control: control["framework"]):
        rows = [
            (
                element("span", control["reference"], class_="reference"),
                joined([control["title"], element("p", control["evidence"], class_="detail")]),
                control["figure"],
                element("span", control["verdict"], class_=f"verdict {MARKS[control['verdict']]}"),
            )
            for control in controls
        ]
        parts.append(_section(framework, table(("control", "asks for, and the evidence", "figure", "verdict"), rows)))
    return parts


def _evidence(document: Document) -> list[Markup]:
    found = document["evidence"]
    processing, retention, keys = found["processing"], found["retention"], found["keys"]
    audited = ("action", "actor", "outcome", "times", "without_reason", "first", "last")
    return [
        _section(
            "Processing",
            facts(
                {
                    "requests": processing["requests"],
                    "without a result": processing["without_result"],
                    "dead letters": processing["dead_letters"],
                }
            ),
            _rows(processing["results"], ("status", "results", "with_content", "naming_user", "users")),
        ),
        _section(
            "Providers and regions",
            _rows(found["providers"], ("provider", "region", "model", "calls", "input_tokens", "output_tokens")),
        ),
        _section(
            "Retention",
            facts(
                {
                    "policy, days": retention["policy_days"],
                    "fewest days of anybody": retention["fewest_days"],
                    "oldest content, days": retention["oldest_content_days"],
                    "overdue events": retention["overdue"],
                    "removals on record": retention["removals"],
                    "topics keep it longer, hours": retention["topics_keep_longer_hours"] or "no",
                }
            ),
            _rows(retention["oldest"], ("topic", "oldest", "events")),
            table(
                ("topic", "kept, hours"),
                [
                    (name, "newest per key" if hours is None else hours)
                    for name, hours in retention["topics_hours"].items()
                ],
                (1,),
            ),
            table(("table", "time limit"), [(row["name"], row["ttl"] or "none") for row in retention["tables"]]),
        ),
        _section("Encryption", _rows(found["encryption"], ("topic", "with_content", "sealed", "oldest"))),
        _section("Erasures", _rows(found["erasures"], audited)),
        _section("Access to readable content", _rows(found["access"], audited)),
        _section("Administrative acts", _rows(found["administration"], audited)),
        _section("Policy violations", _rows(found["violations"], ("code", "times", "last"))),
        _section("Personal data found", _rows(found["personal_data"], ("kind", "found", "messages"))),
        _section(
            "Keys and signatures",
            facts({**{name.replace("_", " "): count for name, count in keys.items()}, **found["signatures"]}),
        ),
        _section("Audit trail", *_audit_chain(found["audit_chain"])),
    ]


def _audit_chain(chain: Document | None) -> list[Markup]:
    if chain is None:
        return [element("p", "Not verified: there is no key to check signatures with.", class_="none")]
    summed = {
        name: sum(one[name] for one in chain["chains"]) for name in ("records", "sealed", "attested", "pending")
    }
    verdict = {"sound": chain["sound"], "checkpoints signed": chain["checkpoints"], "keys": ", ".join(chain["keys"])}
    findings = ("kind", "cluster", "partition", "offset", "record_id", "detail")
    return [facts({**verdict, **summed}), _rows(chain["findings"], findings) if chain["findings"] else Markup("")]


def _rows(rows: Rows, columns: Sequence[str]) -> Markup:
    numbers = [
        place for place, name in enumerate(columns) if any(isinstance(row[name], (int, float)) for row in rows)
    ]
    cells = [[_cell(name, row[name]) for name in columns] for row in rows]
    return table([name.replace("_", " ") for name in columns], cells, numbers)


def _cell(name: str, value: Any) -> object:
    return value[:19].replace("T", " ") if name in ("first", "last", "oldest") and isinstance(value, str) else value


def _section(title: str, *parts: Markup) -> Markup:
    return element("section", element("h2", title), *parts)


def _day(moment: str) -> str:
    return moment[:DIGITS_OF_A_DAY]
