from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click
import orjson
import pytest

from schemas.errors import BrokerUnavailable
from streams.cli.app import COMMANDS, Commands, run
from streams.cli.invocation import Invocation
from streams.cli.lazy import Entry
from streams.cli.signals import Interrupted, run_to_end, until_signalled
from streams.topics import CATALOGUE


@click.command()
def silent() -> None:
    """Ask whom nobody has started."""
    raise BrokerUnavailable("no broker answers")


Printed = Callable[[], tuple[str, str]]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    def read() -> tuple[str, str]:
        both = capsys.readouterr()
        return both.out, both.err

    return read


def test_help_lists_every_command(printed: Printed) -> None:
    assert run(["--help"]) == 0
    out, _ = printed()
    assert [name for name in COMMANDS if f"\n  {name} " not in out] == []


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_explains_itself(name: str, printed: Printed) -> None:
    assert run([name, "--help"]) == 0
    assert f"Usage: asahi {name}" in printed()[0]


def test_every_command_is_where_the_table_says() -> None:
    for name, entry in COMMANDS.items():
        module, _, attribute = entry.place.partition(":")
        assert getattr(import_module(module), attribute).name == name


@pytest.mark.parametrize("arguments", [["nonsense"], ["submit"], ["topics", "--nonsense"], ["up", "--workers", "0"]])
def test_a_wrong_command_line_is_a_usage_error(arguments: list[str], printed: Printed) -> None:
    assert run(arguments) == 2
    assert "Error: " in printed()[1]


def test_a_wrong_setting_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, printed: Printed) -> None:
    monkeypatch.setenv("ASAHI_KAFKA_PARTITIONS", "many")
    assert run(["topics"]) == 2
    out, err = printed()
    assert out == ""
    assert err.startswith("error: setting kafka.partitions: ")
    assert "ASAHI_KAFKA_PARTITIONS" in err
    assert len(err.splitlines()) == 1


def test_a_broker_that_is_away_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: Printed
) -> None:
    monkeypatch.setenv("ASAHI_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    (tmp_path / "in.jsonl").write_text('{"prompt": "hi"}\n')
    for arguments in (["submit", "in.jsonl", "-o", "out.jsonl"], ["infer", "--prompt", "hi"]):
        assert run(arguments) == 1
        err = printed()[1]
        assert err.startswith("error: no broker answers at 127.0.0.1:1; start one with `asahi up`")
        assert len(err.splitlines()) == 1


def test_a_file_that_is_missing_is_one_clear_line(printed: Printed) -> None:
    assert run(["submit", "missing.jsonl", "-o", "out.jsonl"]) == 2
    assert printed()[1] == "error: cannot read missing.jsonl: No such file or directory\n"


@pytest.mark.parametrize("arguments", [["--tenant", "no body"], ["--model", "no such model"]])
def test_wrong_options_of_infer_are_named(arguments: list[str], printed: Printed) -> None:
    assert run(["infer", "--prompt", "hi", *arguments]) == 2
    assert printed()[1].startswith(("error: --tenant 'no body': ", "error: model: "))


def test_without_tenants_somebody_must_be_named(monkeypatch: pytest.MonkeyPatch, printed: Printed) -> None:
    monkeypatch.setenv("ASAHI_TENANTS", "[]")
    assert run(["infer", "--prompt", "hi"]) == 2
    assert "no tenant is configured" in printed()[1]


def test_topics_are_listed_without_a_broker(printed: Printed) -> None:
    assert run(["topics"]) == 0
    out, _ = printed()
    assert [topic.name for topic in CATALOGUE if topic.name not in out] == []
    assert "newest per key" in out
    assert run(["topics", "--json"]) == 0
    listed = orjson.loads(printed()[0])
    assert [topic["name"] for topic in listed] == [topic.name for topic in CATALOGUE]
    assert listed[0]["ce_type"] == "asahi.request.submitted.v1"


@pytest.mark.parametrize("name", ["request", "asahi.requests", "requests"])
def test_an_event_s_schema_is_found_by_any_of_its_names(name: str, printed: Printed) -> None:
    assert run(["schema", name]) == 0
    assert "prompt" in orjson.loads(printed()[0])["properties"]


def test_schemas_are_listed_and_asyncapi_is_one_of_them(printed: Printed) -> None:
    assert run(["schema"]) == 0
    assert "asyncapi" in printed()[0]
    assert run(["schema", "asyncapi"]) == 0
    assert orjson.loads(printed()[0])["asyncapi"].startswith("3.")
    assert run(["schema", "nonsense"]) == 2
    assert "is none of request, result" in printed()[1]


def test_a_signal_ends_a_command_in_order() -> None:
    closed: list[str] = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            closed.append("in order")

    with pytest.raises(Interrupted) as ended:
        run_to_end(work())
    assert (ended.value.signal, closed) == (signal.SIGTERM, ["in order"])


def test_a_command_may_wait_for_the_signal_itself() -> None:
    async def work() -> str:
        asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGINT)
        await until_signalled()
        return "stopped by itself"

    assert run_to_end(work()) == "stopped by itself"


def test_a_cancellation_that_no_signal_caused_stays_one() -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run_to_end(work())


def test_what_does_not_answer_is_told_together_with_how_to_start_it(tmp_path: Path) -> None:
    group = Commands("asahi", entries={"silent": Entry(f"{__name__}:silent", "Fails.")})
    with pytest.raises(BrokerUnavailable, match=r"no broker answers\nNothing runs on the data folder"):
        group.main(["silent"], standalone_mode=False, obj=Invocation(tmp_path))


def test_up_begins_nothing_without_its_models(
    tmp_path: Path, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASAHI_MODELS_FILE", str(tmp_path / "models.yaml"))
    assert run(["--data-dir", str(tmp_path / "data"), "up"]) == 2
    assert "models.yaml: No such file or directory; set models_file" in printed()[1]
    assert not (tmp_path / "data").exists()
