from __future__ import annotations

from agents.routing.learning.feedback import Answered, grades_of
from agents.routing.learning.predictor import Grade
from schemas.feedback import Feedback


def event(number: str, request: str, grade: float) -> Feedback:
    return Feedback(id=number, request_id=request, tenant="demo", grade=grade)


def test_feedback_becomes_grades_once_where_the_request_is_known() -> None:
    answered = {("demo", "a"): Answered("What?", "gpt-4"), ("demo", "b"): Answered("Who?", "phi")}
    events = [event("1", "a", 1.0), event("1", "a", 1.0), event("2", "b", 0.5), event("3", "unknown", 0.0)]
    assert grades_of(events, answered, {"gpt-4": "gpt4"}) == [Grade("What?", "gpt4", 1.0), Grade("Who?", "phi", 0.5)]
