"""Beginnings that requests share reach the provider, also of requests that travel sealed."""

from __future__ import annotations

from pathlib import Path

from agents.providers.protocol import MarkedPrompt
from schemas.policy import EncryptionMode, PersonalDataMode
from tests.pipeline.encrypted import Scene
from tests.pipeline.rig import ask, serve

DOCUMENT = "".join(f"Line {number} of what the heron@example.com said.\n" for number in range(200))


def test_a_shared_document_is_marked_in_what_the_provider_is_sent(tmp_path: Path) -> None:
    """The cut is where the text that is sent has it: with placeholders in place of personal data."""
    scene = Scene(tmp_path, EncryptionMode.TENANT, PersonalDataMode.PSEUDONYMIZE)
    questions = [ask(f"r{number}", prompt=f"{DOCUMENT}\nQuestion {number}?") for number in range(2)]
    serve(scene.rig, *[scene.sealed(question) for question in questions], pause=1.0)
    assert set(scene.rig.statuses().values()) == {"completed"}
    marked = [prompt for prompt in scene.echo.prompts if isinstance(prompt, MarkedPrompt) and prompt.prefix.cuts]
    assert marked
    for prompt in marked:
        assert prompt.prompt is not None
        assert prompt.prompt[prompt.prefix.cuts[-1].into :].startswith("Question ")
    assert len({prompt.prefix.key for prompt in scene.echo.prompts if isinstance(prompt, MarkedPrompt)}) == 1


def test_short_requests_carry_nothing(tmp_path: Path) -> None:
    scene = Scene(tmp_path, EncryptionMode.TENANT)
    serve(scene.rig, scene.sealed(ask("r0", prompt="Why?")), pause=1.0)
    assert not any(isinstance(prompt, MarkedPrompt) for prompt in scene.echo.prompts)
