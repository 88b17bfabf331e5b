"""The screening of prompts as configured."""

from __future__ import annotations

from agents.governance.personal.detector import Detector
from agents.governance.personal.stage import PersonalDataStep
from schemas.screening import ScreeningSettings


def configured_screening(settings: ScreeningSettings) -> PersonalDataStep:
    """Return the step that screens prompts; it keeps nothing, so that all partitions share one."""
    return PersonalDataStep(Detector(settings), injection=settings.injection)
