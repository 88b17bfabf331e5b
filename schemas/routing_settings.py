"""How a model is chosen: the section `routing` of the configuration."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from schemas.request import MAX_LAMBDA, Strategy
from schemas.section import Count, Section


class TaskDetection(StrEnum):
    """How task types are detected."""

    NEVER = "never"  # only what a request names counts
    WORDS = "words"  # cue words at both ends of the prompt
    EMBEDDING = "embedding"  # the same, and what the prompt is similar to


class RoutingSettings(Section):
    """How a model is chosen.

    Attributes:
        expected_output_tokens: Length assumed of an answer when the request sets no `max_output_tokens`.
        min_quality: Asked of models when a request names no minimum of its own.
        max_fallbacks: Most other targets a call carries besides the chosen one.
        memo_entries: Decisions remembered for requests with equal constraints and token counts.
        strategy: The rule for requests that name none: `threshold` takes the cheapest of sufficient predicted
            quality, `utility` the best of quality - lambda * cost, `cascade` a cheap one first and a stronger one
            where its answer does not hold.
        utility_lambda: Lambda of `utility` for requests that name none: predicted quality one US dollar must buy.
        cascade_accept: Least probability of being right with which `cascade` takes a cheap answer, for requests that
            name none. It needs a scorer in `model_dir`; answers of other models are only validated.
        cascade_steps: Most models that `cascade` asks one after the other.
        model_dir: Folder of a quality predictor made by `asahi router fit`; without one the registry's figures count.
        feedback_seconds: Between two looks for new grades in the archive, for the predictor to learn from; 0 learns
            from none.
        detect_tasks: How a request that names no task type gets one: from the `words` of its prompt, also from its
            `embedding`, which costs about ten times as much, or `never`.
        task_confidence: Least probability that a detected task type is right for it to count.
        learn_seconds: Between two looks at how long answers are and how often calls are paid for twice; 0 learns
            nothing and expects what the other settings say.
        learn_after: Answers of a model and task type before their mean length is believed.
        share_surveys: Tell candidates and why they lost once on `asahi.surveys`, and let decisions name them; off,
            every decision holds its own, which makes a result about eight times as long.
        known_surveys: Surveys remembered as told, per partition.
        prompt_cache_seconds: How long a provider keeps a prompt's beginning cached after a call.
        prompt_cache_min_tokens: Shortest beginning of a prompt that providers cache.
    """

    expected_output_tokens: Count = 256
    min_quality: Annotated[float, Field(ge=0, le=1)] = 0.0
    max_fallbacks: Annotated[int, Field(ge=0)] = 3
    memo_entries: Count = 4_096
    strategy: Strategy = Strategy.THRESHOLD
    utility_lambda: Annotated[float, Field(ge=0, le=MAX_LAMBDA)] = 10.0
    cascade_accept: Annotated[float, Field(ge=0, le=1)] = 0.7
    cascade_steps: Count = 2
    model_dir: Path | None = None
    feedback_seconds: Annotated[float, Field(ge=0)] = 10.0
    detect_tasks: TaskDetection = TaskDetection.WORDS
    task_confidence: Annotated[float, Field(ge=0, le=1)] = 0.7
    learn_seconds: Annotated[float, Field(ge=0)] = 60.0
    learn_after: Count = 50
    share_surveys: bool = True
    known_surveys: Count = 4_096
    prompt_cache_seconds: Annotated[float, Field(ge=0)] = 300.0
    prompt_cache_min_tokens: Count = 1_024
