"""`asahi deadletter list|show|replay`."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence

import click

from schemas.deadletter import DeadLetter
from schemas.settings import Settings
from streams.audits import access_audit, record
from streams.cli.display import console, emit_json, plain_table
from streams.cli.invocation import Invocation
from streams.cli.letters import find_letters, newest_letters, send_again
from streams.cli.signals import run_to_end
from streams.cli.signed import key_option, signer_of
from streams.signing import Signer
from streams.topics import REQUESTS

SHOWN_BYTES = 4000
NEWEST = 50


@click.group()
def deadletter() -> None:
    """List, show and replay messages that no stage could process."""


@deadletter.command("list")
@click.option("--newest", type=click.IntRange(min=1), default=NEWEST, show_default=True, help="So many at most.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def list_(invocation: Invocation, newest: int, as_json: bool) -> None:
    """List dead letters, newest first."""
    rows = run_to_end(newest_letters(invocation.attached().clickhouse, newest))
    if as_json:
        emit_json(rows)
        return
    if not rows:
        console().print("no dead letters")
        return
    table = plain_table("id", "when", "stage", "code", "bytes", "reason", right=("bytes",))
    for row in rows:
        when = row["occurred_at"].isoformat(" ", "seconds")
        size = f"{row['size']:,}" + (" (cut)" if row["truncated"] else "")
        table.add_row(row["id"], when, row["stage"], row["code"], size, row["reason"])
    console().print(table)


@deadletter.command()
@click.argument("letter_id", metavar="ID")
@click.option("--reason", help="Why; goes to the audit trail.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole event.")
@click.pass_obj
def show(invocation: Invocation, letter_id: str, reason: str | None, as_json: bool) -> None:
    """Show one dead letter with the message it holds; the audit trail keeps who did."""
    (letter,) = run_to_end(_audited(invocation.attached(), [letter_id], "dead_letter_shown", reason))
    if as_json:
        emit_json(letter.model_dump(mode="json"))
        return
    for heading, said in _facts(letter):
        click.echo(f"{click.style(f'{heading:<12}', bold=True)} {said}")
    value = b64decode(letter.value_base64)
    click.echo(f"\n{value[:SHOWN_BYTES].decode(errors='backslashreplace')}")
    if len(value) > SHOWN_BYTES or letter.truncated:
        click.echo(f"… of {letter.size:,} bytes; {len(value):,} are kept, see --json")
    if letter.traceback:
        click.echo(f"\n{letter.traceback}")


@deadletter.command()
@click.argument("letter_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--reason", help="Why; goes to the audit trail.")
@key_option
@click.pass_obj
def replay(invocation: Invocation, letter_ids: tuple[str, ...], key: str | None, reason: str | None) -> None:
    """Put the original messages back on the topics they came from, once what was wrong is mended.

    A request is signed anew where a key is given: its first signature counts only once, and for a while.
    """
    settings = invocation.attached()
    letters = run_to_end(_replay(settings, letter_ids, signer_of(key, settings), reason))
    for letter in letters:
        click.echo(f"sent {letter.id} to {letter.source_topic} again")


async def _replay(
    settings: Settings, letter_ids: Sequence[str], signer: Signer | None, reason: str | None
) -> list[DeadLetter]:
    letters = await _audited(settings, letter_ids, "dead_letter_replayed", reason)
    await send_again(settings.kafka, letters, signer)
    return letters


async def _audited(
    settings: Settings, letter_ids: Sequence[str], action: str, reason: str | None
) -> list[DeadLetter]:
    """Return these dead letters once the audit trail says who has them."""
    letters = await find_letters(settings.clickhouse, letter_ids)
    await record(
        settings.kafka,
        [access_audit(action, letter.id, tenant=_tenant_of(letter), reason=reason) for letter in letters],
    )
    return letters


def _tenant_of(letter: DeadLetter) -> str | None:
    """Return whose message it was, as its key says on topics that are keyed so."""
    return letter.key if letter.source_topic == REQUESTS.name else None


def _facts(letter: DeadLetter) -> list[tuple[str, str]]:
    source = f"{letter.source_topic}, partition {letter.source_partition}, offset {letter.source_offset}"
    facts = [
        ("id", letter.id),
        ("when", letter.occurred_at.isoformat(" ", "seconds")),
        ("stage", letter.stage),
        ("code", letter.code),
        ("reason", letter.reason),
        ("what to do", letter.remedy),
        ("from", source),
    ]
    if letter.field:
        facts.append(("field", letter.field))
    if letter.key is not None:
        facts.append(("key", letter.key))
    return facts
