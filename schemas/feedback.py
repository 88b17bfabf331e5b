"""What people or checks say about an answer: `asahi.feedback`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from schemas.model import Fraction, Name, RequestId, StrictValue, Text

MAX_COMMENT_CHARS = 4096
RIGHT = 0.5
"""Grade from which an answer counts as right, where that has to be said with yes or no."""


class Feedback(StrictValue):
    """A grade for the answer to one request.

    Attributes:
        version: Of this contract.
        id: Of this grade, unique per tenant.
        request_id: The request whose answer is graded.
        tenant: The request's tenant; also the message key.
        grade: 1 is right, 0 is wrong.
        source: Who or what graded, such as `user` or the name of a check.
        comment: For people.
        occurred_at: When it was given.
    """

    version: Literal[1] = 1
    id: RequestId
    request_id: RequestId
    tenant: Name
    grade: Fraction
    source: Annotated[Text, Field(max_length=MAX_COMMENT_CHARS)] = "user"
    comment: Annotated[Text, Field(max_length=MAX_COMMENT_CHARS)] | None = None
    occurred_at: AwareDatetime | None = None
