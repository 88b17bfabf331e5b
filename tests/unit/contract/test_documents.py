"""The generated files say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from schemas.settings import KafkaSettings
from streams.contract.documents import ASYNCAPI, SCHEMAS, WITH_TABLES, documents, stale, write
from streams.contract.json_schema import event_schema, model_of, schema_name
from streams.topics import DISPATCH, GOVERNANCE, PUBLIC, REQUESTS

ROOT = Path(__file__).parents[3]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for page in WITH_TABLES:
        (tmp_path / page).parent.mkdir(exist_ok=True)
        (tmp_path / page).write_text("before\n<!-- table: topics -->\nold\n<!-- end of table -->\nafter\n")
    return tmp_path


def test_generated_files_are_up_to_date() -> None:
    assert stale(ROOT) == [], "run `make contract` and commit what it writes"


def test_writing_makes_everything_up_to_date_and_then_nothing_more(checkout: Path) -> None:
    assert set(stale(checkout)) == set(documents(checkout))
    assert set(write(checkout)) == set(documents(checkout))
    assert stale(checkout) == []
    assert write(checkout) == []


def test_only_tables_are_replaced_in_pages(checkout: Path) -> None:
    write(checkout)
    lines = (checkout / WITH_TABLES[0]).read_text().splitlines()
    assert lines[0] == "before"
    assert lines[-1] == "after"
    assert "old" not in lines
    assert any(line.startswith("| `asahi.requests` |") for line in lines)


def test_schema_of_an_event_that_is_gone_is_stale_and_removed(checkout: Path) -> None:
    write(checkout)
    gone = SCHEMAS / "gone.json"
    (checkout / gone).write_text("{}")
    assert stale(checkout) == [gone]
    assert write(checkout) == [gone]
    assert not (checkout / gone).exists()


@pytest.mark.parametrize("topic", PUBLIC, ids=lambda topic: topic.name)
def test_schemas_are_json_schemas_with_a_meaning_for_every_field(topic: object) -> None:
    schema = event_schema(topic)  # type: ignore[arg-type]  # parametrize loses the type
    Draft202012Validator.check_schema(schema)
    for part in (schema, *schema.get("$defs", {}).values()):
        assert all(field["description"] for field in part.get("properties", {}).values())


def test_internal_topics_have_no_public_schema() -> None:
    with pytest.raises(AssertionError, match="internal"):
        model_of(DISPATCH)


def test_asyncapi_refers_to_what_exists() -> None:
    document = yaml.safe_load((ROOT / ASYNCAPI).read_text())
    assert {channel["address"] for channel in document["channels"].values()} == {topic.name for topic in PUBLIC}
    messages = document["components"]["messages"]
    for channel in document["channels"].values():
        for name, reference in channel["messages"].items():
            assert reference["$ref"] == f"#/components/messages/{name}"
            assert name in messages
    for message in messages.values():
        assert (ROOT / ASYNCAPI.parent / message["payload"]["schema"]["$ref"]).is_file()
    for operation in document["operations"].values():
        assert operation["channel"]["$ref"].rpartition("/")[2] in document["channels"]


def test_asyncapi_gives_partitions_retention_and_headers() -> None:
    document = yaml.safe_load((ROOT / ASYNCAPI).read_text())
    kafka = document["channels"]["requests"]["bindings"]["kafka"]
    assert kafka["partitions"] == KafkaSettings().partitions
    assert kafka["topicConfiguration"]["retention.ms"] == 168 * 3_600_000
    compacted = document["channels"]["governance"]["bindings"]["kafka"]
    assert compacted["partitions"] == 1
    assert compacted["topicConfiguration"]["cleanup.policy"] == ["compact"]
    assert "retention.ms" not in compacted["topicConfiguration"]
    messages = document["components"]["messages"]
    assert messages["Request"]["headers"]["properties"]["ce_type"]["const"] == REQUESTS.ce_type
    assert "required" not in messages["Request"]["headers"]
    assert "ce_id" in messages["Result"]["headers"]["required"]


def test_schema_files_are_named_after_topics() -> None:
    assert schema_name(GOVERNANCE) == "governance.json"
    assert len({schema_name(topic) for topic in PUBLIC}) == len(PUBLIC)
