"""Whether an answer served to a question in other words was right: the internal topic `asahi.internal.verdicts`."""

from __future__ import annotations

from schemas.batch import Part


class Verdict(Part, frozen=True, gc=False):
    """What somebody says of one pair of questions.

    Attributes:
        id: Unique per tenant; one that comes again says nothing new.
        source_request_id: The request whose answer it is.
        wrong: Whether that is no answer to the other question.
        probability: That it is one, as the verifier had said.
        error_bound: Share of wrong answers that the tenant allowed at the time.
        by: Who says so: the source of a grade, or `comparison` where a model was asked as well.
        occurred_at: Unix seconds.
    """

    id: str
    tenant: str
    source_request_id: str
    wrong: bool
    probability: float
    error_bound: float
    by: str
    occurred_at: float
