"""Keeping routing up to date while it runs: a models file that changes, and what experience says of calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from agents.routing.expectations import Experience
from agents.routing.stage import RoutingStep
from schemas.errors import ConfigurationError
from schemas.models_file import ModelsFile
from schemas.registry import ModelRegistry
from schemas.settings import Settings

logger = logging.getLogger(__name__)


class Renewal:
    """Looks at the models file and at experience every now and then, beside the requests.

    Args:
        settings: How often to look.
        file: The models file, loaded once.
        registry: Made from it; becomes every newer version for all who hold it.
        routing: Chooses among them.
        experience: Of the calls so far.
        admit: Raises `ConfigurationError` for models that cannot be called here.
        pause: Waits for so many seconds.
    """

    def __init__(
        self,
        settings: Settings,
        file: ModelsFile,
        registry: ModelRegistry,
        routing: RoutingStep,
        experience: Experience,
        admit: Callable[[ModelRegistry], object],
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._file = file
        self._registry = registry
        self._routing = routing
        self._experience = experience
        self._admit = admit
        self._pause = pause

    async def follow_file(self) -> None:
        """Take over every newer version of the models file, for ever."""
        seconds = self._settings.models_reload_seconds
        while seconds:
            await self._pause(seconds)
            await self.look_at_file()

    async def follow_experience(self) -> None:
        """Expect what experience says, for ever."""
        seconds = self._settings.routing.learn_seconds
        while seconds:
            await self._pause(seconds)
            self._routing.renew(self._experience.expectations())

    async def look_at_file(self) -> bool:
        """Take over the models file if it has changed and is right; return whether it was taken over.

        It is read and checked in a thread, since that takes some tens of milliseconds; routing and accounting then
        change over between two requests. A wrong file is said to be wrong, and changes nothing.
        """
        try:
            newer = await asyncio.to_thread(self._file.reload)
            if newer is None:
                return False
            self._admit(newer)
        except ConfigurationError as wrong:
            logger.error(
                "the models file has become wrong; the models before it stay",
                extra={"problem": str(wrong), "models": self._registry.price_list},
            )
            return False
        before = self._registry.price_list
        self._registry.adopt(newer)
        self._routing.renew(self._experience.expectations() if self._settings.routing.learn_seconds else None)
        logger.info(
            "the models file has changed", extra={"before": before, "models": newer.price_list, "count": len(newer)}
        )
        return True
