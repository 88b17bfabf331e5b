"""The group of all commands, and what becomes of their errors: one clear line, and an exit code that means something.

Exit codes: 0 done, 1 failed, 2 asked for the wrong thing, 128 plus its number when a signal ended the command.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from schemas.errors import AsahiError, BrokerUnavailable, ConfigurationError, WarehouseUnavailable
from streams.cli.invocation import Invocation
from streams.cli.lazy import Entry, LazyCommands
from streams.cli.signals import Interrupted

FAILED = 1
WRONGLY_ASKED = 2
SIGNAL_BASE = 128
CHATTY = ("aiokafka", "asyncio", "clickhouse_connect", "urllib3")


COMMANDS = {
    "demo": Entry("streams.cli.demo:demo", "Show everything at work: 2,000 requests through a stack of its own."),
    "up": Entry("streams.cli.up:up", "Start broker, ClickHouse, workers and sink on this machine."),
    "submit": Entry("streams.cli.submit:submit", "Answer a JSONL file of requests into a JSONL file of results."),
    "infer": Entry("streams.cli.infer:infer", "Ask one question and print the answer."),
    "models": Entry("streams.cli.models:models", "List and compare the models that can be asked."),
    "status": Entry("streams.cli.status:status", "Show lag and health of every stage, and the totals."),
    "governance": Entry("agents.governance.commands:governance", "Say who may use the system, and what they may do."),
    "result": Entry("agents.governance.commands.result:result", "Show a result with its answer, opened."),
    "explain": Entry("agents.routing.explain:explain", "Show why a request got its model."),
    "whatif": Entry("agents.routing.whatif:whatif", "Route logged requests again under another configuration."),
    "recommend": Entry("agents.recommend.command:recommend", "Say what could be done to spend less, and how much."),
    "cache": Entry("agents.cache.commands:cache", "Show what the cache saved and holds, and take answers out of it."),
    "deadletter": Entry("streams.cli.deadletter:deadletter", "List, show and replay what could not be processed."),
    "audit": Entry("agents.governance.audit.commands:audit", "Verify and query the audit trail."),
    "compliance": Entry(
        "agents.governance.compliance.commands:compliance", "Report what the log proves of a tenant."
    ),
    "anomalies": Entry(
        "agents.analytics.commands.anomalies:anomalies", "Look at anomalies in usage, and take care of them."
    ),
    "forecast": Entry(
        "agents.analytics.commands.forecast:forecast", "Show what will be spent, and when budgets end."
    ),
    "replay": Entry("streams.cli.replay:replay", "Rebuild the tables from the archive of all events."),
    "recost": Entry("agents.accounting.recost:recost", "Price the logged calls again, by another price list."),
    "metrics": Entry("streams.cli.metrics:metrics", "Print or serve the figures of all processes for Prometheus."),
    "topics": Entry("streams.cli.topics:topics", "List the topics, or create them."),
    "schema": Entry("streams.cli.schema:schema", "Print the JSON Schema of an event."),
    "migrate": Entry("streams.cli.migrate:migrate", "Bring ClickHouse's tables up to date."),
    "router": Entry("agents.routing.learning.commands:router", "Learn which model answers what right."),
    "evaluate": Entry("streams.cli.evaluate:evaluate", "Measure Asahi on recorded data."),
    "worker": Entry("streams.cli.worker:worker", "Run one worker against the configured brokers."),
}


class Commands(LazyCommands):
    """All commands: of what does not answer they say, too, whether anything was started."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (BrokerUnavailable, WarehouseUnavailable) as away:
            if absence := ctx.ensure_object(Invocation).absence():
                raise type(away)(f"{away}\n{absence}") from away
            raise


@click.group(cls=Commands, entries=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="asahi", prog_name="asahi")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of the embedded stack.")
@click.option("--verbose", "-v", is_flag=True, help="Show what the libraries have to say.")
@click.pass_context
def cli(context: click.Context, data_dir: Path | None, verbose: bool) -> None:
    """Cuts the cost of LLM inference: requests in as Kafka events, answers, prices and audits out.

    Begin with `asahi demo`, or with `asahi up` and, beside it, `asahi infer --prompt "Good morning"`.
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    if not verbose:
        for name in CHATTY:  # a broker that is away is reported once, by us
            logging.getLogger(name).setLevel(logging.CRITICAL)
    context.obj = Invocation(data_dir)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        code = cli.main(args=list(arguments), prog_name="asahi", standalone_mode=False)
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except (click.Abort, KeyboardInterrupt):
        return SIGNAL_BASE + 2
    except Interrupted as interrupted:
        return SIGNAL_BASE + interrupted.signal
    except ConfigurationError as wrong:
        return _fail(str(wrong), WRONGLY_ASKED)
    except AsahiError as failed:
        return _fail(str(failed), FAILED)
    return code if isinstance(code, int) else 0


def _fail(message: str, code: int) -> int:
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True)
    return code


def main() -> None:
    """Run this process's command line."""
    sys.exit(run(sys.argv[1:]))
