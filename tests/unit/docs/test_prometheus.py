"""The example configuration and the alerts for Prometheus: expressions it can read, over figures that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml

from schemas.settings import load_settings
from streams.metrics.catalogue import FIGURES, Kind, Teller
from tests.unit.docs.fences import ROOT

FOLDER = ROOT / "config" / "prometheus"
CONFIG: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
ALERTS: dict[str, Any] = yaml.safe_load((FOLDER / "alerts.yml").read_text())
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DURATION = re.compile(r"\d+(ms|s|m|h|d)")
SET_BY_PROMETHEUS = {"job", "instance"}


def shown() -> dict[str, set[str]]:
    """Return the labels of every series by its name."""
    found: dict[str, set[str]] = {"up": set(SET_BY_PROMETHEUS)}
    for figure in FIGURES:
        process = set() if figure.teller is Teller.JOINED else {"process"}
        labels = {*figure.labels, *process, *SET_BY_PROMETHEUS}
        found[figure.shown] = labels
        if figure.kind is Kind.HISTOGRAM:
            del found[figure.shown]
            found |= {figure.name + suffix: labels for suffix in ("_count", "_sum")}
            found[figure.name + "_bucket"] = {*labels, "le"}
    return found


def selectors(expression: Any) -> Iterator[Any]:
    """Give every selector of series in an expression."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    elif isinstance(expression, promql_parser.MatrixSelector):
        yield expression.vector_selector
    elif isinstance(expression, promql_parser.BinaryExpr):
        yield from selectors(expression.lhs)
        yield from selectors(expression.rhs)
    elif isinstance(expression, promql_parser.Call):
        for argument in expression.args:
            yield from selectors(argument)
    elif hasattr(expression, "expr"):
        yield from selectors(expression.expr)


def grouped(expression: Any) -> Iterator[tuple[Any, set[str]]]:
    """Give every aggregation with the labels that it keeps."""
    if isinstance(expression, promql_parser.AggregateExpr):
        yield expression, set(expression.modifier.labels) if expression.modifier is not None else set()
    elif isinstance(expression, promql_parser.BinaryExpr):
        yield from grouped(expression.lhs)
        yield from grouped(expression.rhs)
    elif hasattr(expression, "expr"):
        yield from grouped(expression.expr)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_asks_for_figures_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    expression = promql_parser.parse(rule["expr"])
    asked = list(selectors(expression))
    assert asked
    series = shown()
    for selector in asked:
        assert selector.name in series, rule["expr"]
        assert {matcher.name for matcher in selector.matchers.matchers} <= series[selector.name]
    for aggregation, labels in grouped(expression):
        for selector in selectors(aggregation):
            assert labels <= series[selector.name]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_what_is_wrong_and_what_to_look_at(rule: dict[str, Any]) -> None:
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Asahi[A-Z]\w+", rule["alert"])
    assert DURATION.fullmatch(rule.get("for", "0s"))
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"].keys() == {"summary", "description"}
    told = " ".join(rule["annotations"].values())
    for label in re.findall(r"\$labels\.(\w+)", told):
        kept = [labels for _, labels in grouped(promql_parser.parse(rule["expr"]))]
        assert all(label in labels for labels in kept) or label == "process"


def test_wrong_expressions_are_found() -> None:
    with pytest.raises(ValueError, match=r"\w"):
        promql_parser.parse("sum(rate(asahi_requests_total[5m])")


def test_names_are_unique() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES) >= 5


def test_prometheus_scrapes_where_the_one_place_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASAHI_CONFIG", str(ROOT / "config" / "cluster.yaml"))
    monkeypatch.setenv("ASAHI_CLICKHOUSE_PASSWORD", "secret")
    port = load_settings().metrics.port
    (job,) = CONFIG["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"127.0.0.1:{port}"]}]
    assert job["metrics_path"] == "/metrics"
    assert job["job_name"] == "asahi", "the alerts ask for it"
    for name in CONFIG["rule_files"]:
        assert (FOLDER / name).is_file()
