from __future__ import annotations

import json
from html.parser import HTMLParser

from agents.governance.audit.findings import Finding, Kind
from agents.governance.compliance.markup import Markup, element, table
from agents.governance.compliance.page import page
from agents.governance.compliance.report import report
from tests.unit.governance.compliance.made import act, evidence, verified

HOSTILE = '<script>alert("x")</script>'
VOID = {"meta"}


class Structure(HTMLParser):
    """Notes what a page is made of, and that everything opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def structure(html: str) -> Structure:
    found = Structure()
    found.feed(html)
    assert found.open == []
    return found


def test_the_document_is_json_and_adds_up() -> None:
    document = json.loads(json.dumps(report(evidence())))
    assert document["tenant"] == "acme"
    counted = sum(sum(counts.values()) for counts in document["summary"].values())
    assert counted == len(document["controls"])
    assert {control["framework"] for control in document["controls"]} == {"GDPR", "SOC 2", "HIPAA"}
    assert document["evidence"]["audit_chain"]["sound"] is True


def test_the_page_stands_alone_and_is_well_formed() -> None:
    found = structure(page(report(evidence())))
    assert found.links == []
    assert "script" not in found.tags
    assert found.tags.count("h1") == 1
    assert found.tags.count("section") == 14


def test_what_others_wrote_is_escaped() -> None:
    chain = verified()
    chain.findings.add(Finding(Kind.CHANGED, "log-1", 0, HOSTILE, record_id=HOSTILE))
    html = page(report(evidence(audited=[act(HOSTILE), act(f"{HOSTILE}_shown")], audit_chain=chain)))
    assert "script" not in structure(html).tags
    assert "&lt;script&gt;" in html


def test_a_tenant_of_whom_nothing_is_known_has_a_page_too() -> None:
    empty: dict[str, list[object]] = {
        name: [] for name in ("results", "providers", "sealed", "oldest", "audited", "rejections")
    }
    found = page(report(evidence(**empty, personal_data=[], facts={}, regions={}, audit_chain=None)))
    assert structure(found).tags.count("section") == 14
    assert "None." in found
    assert "Not verified" in found


def test_markup_is_the_only_thing_that_is_not_escaped() -> None:
    assert element("p", "<b>", Markup("<i></i>"), title='"') == '<p title="&quot;">&lt;b&gt;<i></i></p>'
    assert table(("a",), []) == '<p class="none">None.</p>'
    assert "1,000" in table(("a",), [(1000,)])
