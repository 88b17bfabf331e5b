"""Steps of requests through the whole pipeline: each taken once, however many want it, and counted once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from agents.governance.registry.places import Kind, Place
from agents.providers.protocol import Prompt, Reply
from schemas.errors import ProviderRefused
from schemas.policy import Budget, CacheMode, Period, Policy
from schemas.settings import IntakeSettings
from schemas.tenant import TenantLimits, TenantRegistered
from schemas.wire import Answer, Tokens
from tests.pipeline.rig import Rig, ask, nothing_is_held, serve, settings, until
from tests.pipeline.standing import desks
from tests.pipeline.test_takeover import next_owner
from tests.pipeline.traffic import in_seconds
from tests.unit.docs.fences import fences
from tests.unit.providers.virtual_time import run

DOCUMENT = "The harbour was built in 1911."


class Talking:
    """Says back what it was asked, after a second, or what a prompt makes it do; counts who asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.seen: list[str] = []

    async def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply:
        del model, attempt
        self.asked[prompt.id] += 1
        self.seen.append(prompt.text)
        await asyncio.sleep(10 if "slowly" in prompt.text else 1)
        if "refuse" in prompt.text:
            raise ProviderRefused("provider_content_filter", "not that")
        said = "" if "nothing" in prompt.text else f"<{prompt.text.splitlines()[-1]}>"
        return Reply(Answer(said, None, "stop"), Tokens(100, 0, 10))

    async def close(self) -> None:
        """Nothing is held."""


def about(
    name: str, tenant: str = "acme", *, document: str = DOCUMENT, question: str = "Why", **fields: Any
) -> bytes:
    """Return a question about a document."""
    step = {"name": "summary", "operation": "Summarize.", "input": document, **fields.pop("step", {})}
    return ask(name, tenant, prompt=f"{question}? {{{{steps.summary}}}}", steps=[step], **fields)


def a_rig(policy: Policy | None = None, **fields: Any) -> tuple[Rig, Talking]:
    provider = Talking()
    tenants = tuple(
        TenantRegistered(tenant=name, reference_model="big", policy=policy or Policy(), **fields)
        for name in ("acme", "zeta")
    )
    return Rig(settings(), providers={"east": provider}, tenants=tenants), provider


def served(*requests: bytes, policy: Policy | None = None, pause: float = 0.0) -> tuple[Rig, Talking]:
    rig, provider = a_rig(policy)
    return serve(rig, *requests, pause=pause), provider


def sources(rig: Rig) -> dict[str, list[str]]:
    return {name: [step["source"] for step in result.get("steps", [])] for name, (result,) in rig.results().items()}


def adds_up(rig: Rig) -> None:
    """Check that money agrees, in every result and with what was booked."""
    spent: dict[str, Decimal] = {}
    for usage in rig.usages():
        if not usage.get("superseded"):
            spent[usage["request_id"]] = spent.get(usage["request_id"], Decimal(0)) + Decimal(usage["cost_usd"])
    for name, (result,) in rig.results().items():
        assert Decimal(result["cost_usd"]) == spent.get(name, 0)
        assert sum(Decimal(step.get("cost_usd", "0")) for step in result.get("steps", [])) <= Decimal(
            result["cost_usd"]
        )
        saved = sum(map(Decimal, result.get("savings", {}).values()))
        assert Decimal(result.get("baseline", {}).get("cost_usd", "0")) - Decimal(result["cost_usd"]) == saved


def test_many_questions_about_a_few_documents_at_once_take_each_step_once() -> None:
    requests = [about(f"q{n}", document=f"document {n % 3}", question=str(n)) for n in range(30)]
    rig, provider = served(*requests)
    assert set(rig.statuses().values()) == {"completed"}
    assert sum("summary" in name for name in provider.asked) == 3
    assert len(provider.seen) == 33
    assert Counter(source for [source] in sources(rig).values()) == {"call": 3, "shared_flight": 27}
    adds_up(rig)


def test_a_later_request_says_where_its_step_came_from_and_saves_it() -> None:
    rig, provider = served(about("q0"), about("q1", question="When"), pause=5.0)
    assert provider.seen == ["Summarize.\n" + DOCUMENT, f"Why? <{DOCUMENT}>", f"When? <{DOCUMENT}>"]
    [first], [second] = rig.results()["q0"], rig.results()["q1"]
    assert second["output"]["content"] == f"<When? <{DOCUMENT}>>"
    [taken] = second["steps"]
    assert (
        taken.items() >= {"name": "summary", "source": "exact", "source_request_id": "q0", "model": "small"}.items()
    )
    assert taken["age_seconds"] > 0
    assert second["savings"]["cache_intermediate"] == "0.0013"
    assert (first["attempts"], second["attempts"]) == (2, 1)
    assert [(use["request_id"], use.get("step")) for use in rig.usages()] == [
        ("q0", "summary"), ("q0", None), ("q1", None)
    ]  # fmt: skip
    adds_up(rig)


def test_the_same_question_again_is_answered_without_any_call() -> None:
    rig, provider = served(about("q0"), about("q1"), pause=5.0)
    assert len(provider.seen) == 2
    result = rig.results()["q1"][0]
    assert (result["status"], result["cost_usd"]) == ("cached", "0")
    assert result["savings"].keys() == {"cache_exact", "cache_intermediate"}
    adds_up(rig)


def test_another_input_parameter_or_tenant_is_another_step() -> None:
    rig, provider = served(
        about("q0"),
        about("q1", document=DOCUMENT + " It burnt down."),
        about("q2", step={"sampling": {"max_output_tokens": 50}}),
        about("q3", step={"operation": "Translate."}),
        about("q4", step={"model": "big"}),
        about("q5", "zeta"),
        pause=5.0,
    )
    assert sum("summary" in name for name in provider.asked) == 6
    assert sources(rig) == {f"q{number}": ["call"] for number in range(6)}
    [use] = [use for use in rig.usages() if use["request_id"] == "q4" and use.get("step")]
    assert use["model"] == "big"
    adds_up(rig)


def test_a_step_may_use_the_results_of_others_and_share_them() -> None:
    steps = [
        {"name": "facts", "operation": "List.", "input": "{{steps.summary}} and {{ steps.language }}"},
        {"name": "summary", "operation": "Summarize.", "input": DOCUMENT},
        {"name": "language", "operation": "Name it.", "input": DOCUMENT},
    ]
    messages = [{"role": "user", "content": [{"type": "text", "text": "{{steps.facts}}, {{steps.summary}}"}]}]
    rig, provider = served(ask("q0", messages=messages, steps=steps), about("q1"), pause=5.0)
    facts = f"List.\n<{DOCUMENT}> and <{DOCUMENT}>"
    assert facts in provider.seen
    assert rig.results()["q0"][0]["output"]["content"] == f"<<<{DOCUMENT}> and <{DOCUMENT}>>, <{DOCUMENT}>>"
    assert sources(rig)["q1"] == ["exact"]
    adds_up(rig)


def test_what_a_result_says_is_no_reference() -> None:
    rig, provider = served(
        ask(
            "q0",
            prompt="{{steps.a}} {{steps.b}}",
            steps=[
                {"name": "a", "operation": "x", "input": "{{steps.b}}"},
                {"name": "b", "operation": "x", "input": "{{ steps.a}} {{"},
            ],
        )
    )
    assert rig.results()["q0"][0]["error"]["field"] == "steps.0.input"  # a circle
    rig, provider = served(about("q0", document="{ {steps.summary}}"))
    assert provider.seen[-1] == "Why? <{ {steps.summary}}>"


def test_the_documented_example_is_answered_with_both_of_its_steps() -> None:
    [fence] = [fence for fence in fences("json") if fence.page.name == "caching.md" and fence.kind == "request"]
    document = {**msgspec.json.decode(fence.text), "tenant": "acme"}
    rig, provider = served(msgspec.json.encode(document), msgspec.json.encode({**document, "id": "again"}), pause=5.0)
    assert list(rig.statuses().values()) == ["completed", "cached"]
    [lease] = [step["input"] for step in document["steps"] if step["name"] == "summary"]
    said = f"The lease, in short: <{lease}> It names: <<{lease}>>"
    assert provider.seen[-1] == f"May the tenant give notice in winter? {said}"
    assert sources(rig) == {document["id"]: ["call", "call"], "again": ["exact", "exact"]}
    adds_up(rig)


@pytest.mark.parametrize(
    ("directive", "policy", "calls"),
    [
        ("default", None, 3),
        ("bypass", None, 4),
        ("refresh", None, 4),
        ("default", Policy(cache=CacheMode.OFF), 4),
        ("default", Policy(cache=CacheMode.READ_ONLY), 4),
    ],
)
def test_directives_and_policies_of_the_cache_hold_for_steps(
    directive: str, policy: Policy | None, calls: int
) -> None:
    cache = {"directive": directive}
    rig, provider = served(about("q0"), about("q1", question="When", cache=cache), policy=policy, pause=5.0)
    assert len(provider.seen) == calls
    assert set(rig.statuses().values()) == {"completed"}
    adds_up(rig)


def test_only_the_cache_may_answer_with_steps_too() -> None:
    only = {"directive": "only"}
    rig, provider = served(about("q0", cache=only), about("q1"), about("q2", cache=only), pause=5.0)
    assert rig.statuses() == {"q0": "rejected", "q1": "completed", "q2": "cached"}
    error = rig.results()["q0"][0]["error"]
    assert (error["code"], error["field"]) == ("cache_miss", "steps.0")
    assert len(provider.seen) == 2


def test_results_are_not_shared_where_the_setting_says_so() -> None:
    rig, provider = a_rig()
    rig.settings = settings(intake=IntakeSettings(share_steps=False))
    serve(rig, about("q0"), about("q1", question="When"), about("q2"), pause=5.0)
    assert sum("summary" in name for name in provider.asked) == 3
    assert rig.statuses()["q2"] == "cached"  # the request itself is as cacheable as any
    adds_up(rig)


@pytest.mark.parametrize(
    ("document", "code"), [("refuse", "provider_content_filter"), ("nothing", "step_without_text")]
)
def test_a_step_that_fails_fails_all_that_wait_for_it_and_is_named(document: str, code: str) -> None:
    rig, provider = served(
        about("q0", document=document), about("q1", document=document, question="When"), about("q2")
    )
    assert rig.statuses() == {"q0": "failed", "q1": "failed", "q2": "completed"}
    for name in ("q0", "q1"):
        error = rig.results()[name][0]["error"]
        assert (error["code"], error["field"]) == (code, "steps.0")
        assert "summary" in error["message"]
    assert not provider.asked["q1 summary"]
    adds_up(rig)


def test_a_step_too_long_to_begin_ends_its_request_and_leaves_nothing_behind() -> None:
    """Its sibling is not sent for nothing."""
    rig, provider = a_rig()
    rig.settings = settings(intake=IntakeSettings(max_request_bytes=1_200))
    steps = [
        {"name": "small", "operation": "Summarize.", "input": DOCUMENT},
        {"name": "large", "operation": "Summarize.", "input": DOCUMENT + "{{steps.small}}" * 40},
    ]

    async def test() -> None:
        cluster = rig.cluster()
        await cluster.join()
        cluster.submit(ask("q0", prompt="{{steps.large}}", steps=steps), "acme")
        await cluster.drained()
        nothing_is_held(cluster)

    run(test())
    error = rig.results()["q0"][0]["error"]
    assert (error["code"], error["field"]) == ("results_too_large", "steps.1.input")
    assert provider.asked == {"q0 small": 1}
    adds_up(rig)


def test_what_a_failed_request_paid_for_its_steps_is_a_loss() -> None:
    steps = [
        {"name": "good", "operation": "Summarize.", "input": DOCUMENT},
        {"name": "bad", "operation": "Summarize.", "input": "refuse {{steps.good}}"},
    ]
    rig, _ = served(ask("q0", prompt="{{steps.bad}}", steps=steps))
    result = rig.results()["q0"][0]
    assert (result["status"], result["baseline"]["cost_usd"]) == ("failed", "0")
    assert Decimal(result["savings"]["routing"]) == -Decimal(result["cost_usd"]) < 0
    adds_up(rig)


def test_a_deadline_holds_for_a_request_with_its_steps() -> None:
    rig, _ = served(about("q0", document="slowly", constraints=in_seconds(3)))
    assert rig.statuses() == {"q0": "expired"}
    adds_up(rig)


def test_a_hurried_request_ends_while_a_patient_one_gets_the_step() -> None:
    rig, provider = served(
        about("q0", document="slowly"), about("q1", document="slowly", question="When", constraints=in_seconds(5))
    )
    assert rig.statuses() == {"q0": "completed", "q1": "expired"}
    assert provider.asked == {"q0 summary": 1, "q0": 1}
    adds_up(rig)


def test_an_impatient_leader_leaves_the_step_to_who_waits() -> None:
    rig, provider = served(
        about("q0", document="slowly", constraints=in_seconds(5)), about("q1", document="slowly", question="When")
    )
    assert rig.statuses() == {"q0": "expired", "q1": "completed"}
    assert provider.asked == {"q0 summary": 1, "q1 summary": 1, "q1": 1}
    adds_up(rig)


def test_a_step_that_too_late_answers_a_request_that_has_failed_is_paid_and_kept() -> None:
    steps = [
        {"name": "long", "operation": "Summarize.", "input": "slowly"},
        {"name": "bad", "operation": "Summarize.", "input": "refuse"},
    ]
    rig, _ = served(
        ask("q0", prompt="{{steps.bad}} {{steps.long}}", steps=steps), about("q1", document="slowly"), pause=15.0
    )
    assert rig.statuses() == {"q0": "failed", "q1": "completed"}
    [late] = [use for use in rig.usages() if use.get("superseded")]
    assert (late["request_id"], late["step"]) == ("q0", "long")
    assert sources(rig)["q1"] == ["exact"]
    adds_up(rig)


def test_rules_about_single_calls_hold_for_each_step() -> None:
    rig, provider = a_rig()
    limits = TenantLimits(max_input_tokens=40)
    rig.tenants = (TenantRegistered(tenant="acme", reference_model="big", limits=limits),)
    short = {"sampling": {"max_output_tokens": 10}}
    serve(rig, about("q0", document="long " * 100, step=short), about("q1"))
    error = rig.results()["q0"][0]["error"]
    assert (error["code"], error["field"]) == ("input_too_long", "steps.0.input")
    assert rig.results()["q1"][0]["error"]["field"] == "prompt"  # with what the step may say in place
    assert not provider.seen
    assert {audit["subject"] for audit in rig.audits()} == {"q0", "q1"}


def test_a_step_that_no_model_may_take_is_audited_under_its_request() -> None:
    rig, provider = served(about("q0"), policy=Policy(allowed_providers=("west",)))
    error = rig.results()["q0"][0]["error"]
    assert (rig.statuses()["q0"], error["field"]) == ("rejected", "steps.0")
    assert {audit["subject"] for audit in rig.audits()} == {"q0"}
    assert not provider.seen


def test_results_that_make_a_text_too_large_are_refused() -> None:
    rig, provider = a_rig()
    rig.settings = settings(intake=IntakeSettings(max_request_bytes=2_000))
    prompt = "{{steps.summary}}" * 60
    step = {"name": "summary", "operation": "Summarize.", "input": DOCUMENT * 4}
    serve(rig, ask("q0", prompt=prompt, steps=[step]))
    error = rig.results()["q0"][0]["error"]
    assert (rig.statuses()["q0"], error["code"], error["field"]) == ("rejected", "results_too_large", "prompt")
    assert len(provider.seen) == 1
    assert [audit["subject"] for audit in rig.audits()] == ["q0"]
    adds_up(rig)


def test_the_most_that_a_request_may_cost_is_for_all_its_calls() -> None:
    alone, _ = served(about("q0"))
    cost = Decimal(alone.results()["q0"][0]["cost_usd"])
    rig, provider = served(about("q0", constraints={"max_cost_usd": str(cost / 2)}))
    error = rig.results()["q0"][0]["error"]
    assert (rig.statuses()["q0"], error["code"]) == ("rejected", "no_model_meets_constraints")
    assert not provider.seen


def test_a_budget_covers_a_request_with_its_steps() -> None:
    def reserved(request: bytes, *, await_step: bool = False) -> Decimal:
        budget = Budget(period=Period.TOTAL, limit_usd=Decimal(100))
        rig, _ = a_rig(budgets=(budget,))

        async def test() -> Decimal:
            cluster = rig.cluster()
            await cluster.join()
            cluster.submit(request, "acme")
            await asyncio.sleep(0.5)
            account = [desk.ledger.account(Place(Kind.TENANT, "acme", "acme")) for desk in desks(cluster)]
            held = sum((each.reserved for each in account), Decimal(0))
            if await_step:
                await until(rig.usages)
                await asyncio.sleep(0.1)
                spent = sum((each.spent(Period.TOTAL, 0) for each in account), Decimal(0))
                assert sum(each.reserved for each in account) == held - spent < held
            await cluster.drained()
            assert sum(each.reserved for each in account) == 0
            nothing_is_held(cluster)
            spent = sum((each.spent(Period.TOTAL, 0) for each in account), Decimal(0))
            assert held > spent == sum(Decimal(use["cost_usd"]) for use in rig.usages())
            return held

        return run(test())

    assert reserved(about("q0"), await_step=True) > 2 * reserved(ask("q0", prompt="Why? "))


def interrupted(*requests: bytes, after: Callable[[Rig, Talking], bool]) -> tuple[Rig, Talking]:
    """Serve requests by a worker that is killed at some point, and by its successor."""
    rig, provider = a_rig()

    async def test() -> None:
        cluster = rig.cluster()
        await cluster.join()
        for request in requests:
            cluster.submit(request, "acme")
        await until(lambda: after(rig, provider))
        await asyncio.sleep(0.5)
        await next_owner(cluster)
        await cluster.drained()
        nothing_is_held(cluster)

    run(test())
    adds_up(rig)
    return rig, provider


TWO = [
    {"name": "first", "operation": "Summarize.", "input": DOCUMENT},
    {"name": "second", "operation": "Translate.", "input": "slowly {{steps.first}}"},
]


@pytest.mark.parametrize("directive", ["default", "bypass"])
def test_a_successor_pays_no_step_again_that_was_paid(directive: str) -> None:
    request = ask("q0", prompt="{{steps.second}}", steps=TWO, cache={"directive": directive})
    rig, provider = interrupted(request, after=lambda _, provider: provider.asked["q0 second"] == 1)
    assert rig.statuses() == {"q0": "completed"}
    assert provider.asked == {"q0 first": 1, "q0 second": 2, "q0": 1}  # the second was under way
    assert sources(rig) == {"q0": ["call", "call"]}


def test_a_successor_knows_the_steps_of_a_request_whose_own_call_was_under_way() -> None:
    request = about("q0", question="slowly")
    rig, provider = interrupted(request, after=lambda _, provider: provider.asked["q0"] == 1)
    assert provider.asked == {"q0 summary": 1, "q0": 2}
    assert rig.results()["q0"][0]["attempts"] == 2


def test_others_find_the_step_of_a_predecessor() -> None:
    requests = [ask("q0", prompt="{{steps.second}}", steps=TWO), about("q1", question="When")]
    rig, provider = interrupted(*requests, after=lambda _, provider: provider.asked["q0 second"] == 1)
    assert rig.statuses() == {"q0": "completed", "q1": "completed"}
    assert provider.asked["q0 first"] + provider.asked["q1 summary"] == 1
