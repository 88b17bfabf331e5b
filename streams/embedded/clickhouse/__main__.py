"""Start the endpoint: `python -m streams.embedded.clickhouse --path DIR`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from schemas.errors import AsahiError
from streams.embedded.clickhouse.config import DEFAULT_HOST, DEFAULT_PORT, DEFAULT_USER, MIB, EndpointConfig
from streams.embedded.clickhouse.logs import configure_logging
from streams.embedded.clickhouse.server import serve

logger = logging.getLogger(__name__)

_PASSWORD_VARIABLE = "ASAHI_CLICKHOUSE_PASSWORD"  # noqa: S105 - the name of a variable, not a password


def _parser() -> argparse.ArgumentParser:
    defaults = EndpointConfig(path=Path())
    parser = argparse.ArgumentParser(prog="python -m streams.embedded.clickhouse", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="data directory; one process may own it")
    parser.add_argument("--host", default=DEFAULT_HOST)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 picks a free port and logs it")
    parser.add_argument("--user", default=DEFAULT_USER)
    parser.add_argument(
        "--password",
        default=None,
        help=f"visible in the process list; {_PASSWORD_VARIABLE} in the environment is not",
    )
    parser.add_argument("--max-memory", type=int, default=defaults.max_memory_bytes // MIB, metavar="MIB")
    parser.add_argument("--max-query-memory", type=int, default=defaults.max_query_memory_bytes // MIB, metavar="MIB")
    parser.add_argument("--max-threads", type=int, default=defaults.max_threads, help="per query")
    parser.add_argument("--max-concurrent-queries", type=int, default=defaults.max_concurrent_queries)
    parser.add_argument("--background-threads", type=int, default=defaults.background_threads)
    parser.add_argument("--fsync", action=argparse.BooleanOptionalAction, default=defaults.fsync)
    parser.add_argument("--query-log", action=argparse.BooleanOptionalAction, default=defaults.query_log)
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the endpoint until it is told to stop.

    Returns:
        The process's exit code.
    """
    options = _parser().parse_args(arguments)
    configure_logging(options.log_level)
    password = options.password if options.password is not None else os.environ.get(_PASSWORD_VARIABLE, "")
    config = EndpointConfig(
        path=options.path.absolute(),
        host=options.host,
        port=options.port,
        user=options.user,
        password=password,
        max_memory_bytes=options.max_memory * MIB,
        max_query_memory_bytes=options.max_query_memory * MIB,
        max_threads=options.max_threads,
        max_concurrent_queries=options.max_concurrent_queries,
        background_threads=options.background_threads,
        fsync=options.fsync,
        query_log=options.query_log,
    )
    try:
        uvloop.run(serve(config))
    except (AsahiError, OSError) as error:
        logger.critical("cannot serve", extra={"reason": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
