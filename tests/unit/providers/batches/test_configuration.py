from __future__ import annotations

import pytest

from agents.bootstrap import build
from schemas.errors import ConfigurationError
from schemas.settings import ProviderSettings, Settings, WindowSettings
from tests.memory.broker import MemoryBroker
from tests.memory.log import MemoryLog


async def test_a_batch_lane_without_an_interface_is_refused_at_the_start() -> None:
    settings = Settings(
        windows=WindowSettings(batch_lane=True), providers={"simulated": ProviderSettings(kind="simulated")}
    )
    with pytest.raises(ConfigurationError, match=r"windows\.batch_lane is on.*set providers\.<name>\.batches"):
        build(settings, MemoryLog(MemoryBroker(lambda: 0.0)), lambda failure: None)
