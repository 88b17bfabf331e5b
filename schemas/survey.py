"""Who competed for a request, said once for all the requests that it holds for: `asahi.surveys`."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from pydantic import AwareDatetime

from schemas.model import Event
from schemas.result import Expected


class Survey(Event):
    """The candidates of a decision, and why each other model lost.

    Many decisions of a tenant have the same candidates at the same expected costs, which are most of what a decision
    says. They name the survey by its id, and the survey is told once, before the first of them is on its way.

    Attributes:
        version: Of this contract.
        id: Hex BLAKE2b-128 of `models`, `candidates` and `lost`: the same content always has the same id.
        tenant: Whose decisions refer to it; also the message key's first part.
        models: Version of the models file it was made with: its date and a digest.
        candidates: What was expected of each model that could have answered, the chosen one included, by model name.
        lost: Why each other model lost, by model name.
        taken_at: When a worker told it; told again after a restart and once a day, with another time only.
    """

    id: str
    tenant: str
    models: str | None = None
    candidates: dict[str, Expected] = {}
    lost: dict[str, str] = {}
    taken_at: AwareDatetime


class Findings(NamedTuple):
    """What a survey found, whoever it is told to.

    Attributes:
        id: As of the survey.
        models: Version of the models file.
        candidates: JSON object of `schemas.wire.ExpectedRecord`s by model name.
        lost: Why each other model lost, by model name.
    """

    id: str
    models: str | None
    candidates: msgspec.Raw
    lost: dict[str, str]
