from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from schemas.batch import StepAccount
from schemas.result import Status
from schemas.wire import BaselineRecord, HitRecord, ResultRecord, SavingsRecord, plain
from streams.stage import moment
from streams.steps.accounts import account_of, with_steps

money = st.decimals(0, 100, places=9)


@st.composite
def results(draw: st.DrawFn, *, answered: bool | None = None) -> ResultRecord:
    """Return a result whose causes add up, called or reused."""
    answered = draw(st.booleans()) if answered is None else answered
    reused = answered and draw(st.booleans())
    cost = Decimal(0) if reused else draw(money)
    expected = draw(money) if answered else Decimal(0)
    batch = Decimal(0) if reused else draw(money)
    known = bool(answered or cost) and draw(st.booleans())
    savings = (
        SavingsRecord(cache_exact=plain(expected))
        if reused
        else SavingsRecord(routing=plain(expected - cost - batch), batch_lane=plain(batch))
    )
    return ResultRecord(
        "r",
        (Status.CACHED if reused else Status.COMPLETED) if answered else Status.FAILED,
        plain(cost),
        moment(0),
        moment(1),
        baseline=BaselineRecord("big", plain(expected)) if known else None,
        savings=savings if known else SavingsRecord(),
        cache=HitRecord("exact", "other step", 1.0) if reused else None,
        attempts=0 if reused else 1,
    )


def saved(result: ResultRecord) -> Decimal:
    amounts = [getattr(result.savings, cause) for cause in SavingsRecord.__struct_fields__]
    return sum((Decimal(amount) for amount in amounts if amount is not None), Decimal(0))


@given(own=results(), steps=st.lists(results(), min_size=1, max_size=4))
def test_the_causes_add_up_to_baseline_minus_cost(own: ResultRecord, steps: list[ResultRecord]) -> None:
    accounts = [account_of(f"s{number}", step) for number, step in enumerate(steps)]
    whole = with_steps(own, accounts)
    assert Decimal(whole.cost_usd) == sum(Decimal(part.cost_usd) for part in [own, *steps])
    assert whole.attempts == sum(part.attempts for part in [own, *steps])
    if whole.baseline is None:
        assert whole.savings == SavingsRecord()
    else:
        assert Decimal(whole.baseline.cost_usd) - Decimal(whole.cost_usd) == saved(whole)
        if own.status is Status.FAILED:
            assert whole.baseline.cost_usd == "0"
            assert whole.savings.cache_intermediate is None


@given(step=results(answered=True))
def test_a_step_that_was_reused_is_a_saving_of_its_own(step: ResultRecord) -> None:
    account = account_of("s", step)
    if step.status is Status.CACHED:
        assert (account.source, account.source_request_id, account.cost_usd) == ("exact", "other", "0")
        expected = None if step.baseline is None else step.baseline.cost_usd
        assert account.savings == SavingsRecord(cache_intermediate=expected)
    else:
        assert (account.source, account.source_request_id) == ("call", None)


def test_steps_that_cost_nothing_leave_a_request_without_an_answer_as_it_is() -> None:
    failed = ResultRecord("r", Status.FAILED, "0", moment(0), moment(1))
    whole = with_steps(failed, [StepAccount("s", "exact", baseline=BaselineRecord("big", "3"))])
    assert (whole.baseline, whole.savings, whole.cost_usd) == (None, SavingsRecord(), "0")
