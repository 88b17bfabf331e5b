"""`asahi deadletter list|show|replay`."""

from __future__ import annotations

from base64 import b64decode

import click

from schemas.deadletter import DeadLetter
from schemas.settings import Settings
from streams.cli.display import console, emit_json, plain_table
from streams.cli.invocation import Invocation
from streams.cli.letters import find_letters, newest_letters, send_again
from streams.cli.signals import run_to_end
from streams.cli.signed import key_option, signer_of
from streams.signing import Signer

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
@click.option("--json", "as_json", is_flag=True, help="Print the whole event.")
@click.pass_obj
def show(invocation: Invocation, letter_id: str, as_json: bool) -> None:
    """Show one dead letter with the message it holds."""
    (letter,) = run_to_end(find_letters(invocation.attached().clickhouse, [letter_id]))
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
@key_option
@click.pass_obj
def replay(invocation: Invocation, letter_ids: tuple[str, ...], key: str | None) -> None:
    """Put the original messages back on the topics they came from, once what was wrong is mended.

    A request is signed anew where a key is given: its first signature counts only once, and for a while.
    """
    settings = invocation.attached()
    letters = run_to_end(_replay(settings, letter_ids, signer_of(key, settings)))
    for letter in letters:
        click.echo(f"sent {letter.id} to {letter.source_topic} again")


async def _replay(settings: Settings, letter_ids: tuple[str, ...], signer: Signer | None) -> list[DeadLetter]:
    letters = await find_letters(settings.clickhouse, letter_ids)
    await send_again(settings.kafka, letters, signer)
    return letters


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
