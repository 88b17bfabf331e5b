"""A provider that says what it was asked."""

from __future__ import annotations

from agents.providers.protocol import Prompt, Reply
from schemas.wire import Answer, Tokens


class Echo:
    """Answers with what it was asked, and remembers it."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.prompts: list[Prompt] = []

    def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply:
        self.seen.append(prompt.text)
        self.prompts.append(prompt)
        return Reply(Answer(f"You said: {prompt.text}", None, "stop"), Tokens(10, 0, 10))

    async def close(self) -> None:
        """Nothing is held."""
