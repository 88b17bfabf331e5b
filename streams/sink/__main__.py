"""One sink process: `python -m streams.sink`."""

from __future__ import annotations

import gc
import sys

import uvloop

from schemas.errors import AsahiError
from schemas.settings import Settings, load_settings
from streams.deadline import told_to_stop
from streams.logs import configure_logging
from streams.sink import run_sink

FAILED = 1
GC_THRESHOLDS = (100_000, 20, 100)
"""Records live as long as their block: looking for rings among them again and again finds nothing."""


async def serve(settings: Settings) -> None:
    """Run the sink until SIGTERM or SIGINT."""
    stop = told_to_stop(settings.worker.stop_seconds)
    await run_sink(settings, stop)


def main() -> int:
    """Run with the configuration of this environment."""
    try:
        settings = load_settings()
        configure_logging(settings.worker.log_level)
        gc.set_threshold(*GC_THRESHOLDS)
        uvloop.run(serve(settings))
    except AsahiError as wrong:
        print(f"asahi sink: {wrong}", file=sys.stderr)  # noqa: T201 - the last word of a process that cannot start
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
