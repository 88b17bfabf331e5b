"""Requests of tenants that encrypt: sealed wherever they travel, and rejected where they are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.policy import EncryptionMode, PersonalDataMode
from streams.sealing.binding import ContentErased
from streams.topics import DEADLETTER
from tests.pipeline.encrypted import Scene
from tests.pipeline.rig import ask, serve

SECRET = "the heron flies at dawn"
MAIL = "heron@example.com"


def test_what_was_sealed_is_answered_and_nowhere_in_plain_text(tmp_path: Path) -> None:
    scene = Scene(tmp_path, EncryptionMode.TENANT)
    requests = [scene.sealed(ask(f"r{number}", prompt=SECRET)) for number in range(2)]
    serve(scene.rig, *requests, pause=1.0)
    assert scene.rig.statuses() == {"r0": "completed", "r1": "cached"}
    assert scene.echo.seen == [SECRET]
    for name in ("r0", "r1"):
        assert "output" not in scene.rig.results()[name][0]
        assert scene.opened(name)["output"]["content"] == f"You said: {SECRET}"
    assert SECRET.encode() not in scene.everything()


def test_originals_of_pseudonyms_travel_sealed_and_come_back(tmp_path: Path) -> None:
    scene = Scene(tmp_path, EncryptionMode.TENANT, PersonalDataMode.PSEUDONYMIZE)
    serve(scene.rig, scene.sealed(ask("r0", prompt=f"Write to {MAIL}.")), pause=1.0)
    assert scene.echo.seen == ["Write to [EMAIL_1]."]
    assert scene.opened("r0")["output"]["content"] == f"You said: Write to {MAIL}."
    assert MAIL.encode() not in scene.everything()


def test_a_request_in_plain_text_is_rejected_and_never_called(tmp_path: Path) -> None:
    scene = Scene(tmp_path, EncryptionMode.TENANT)
    serve(scene.rig, ask("r0", prompt=SECRET), pause=1.0)
    error = scene.rig.results()["r0"][0]["error"]
    assert (error["code"], scene.echo.seen) == ("plaintext_request", [])
    assert SECRET.encode() not in scene.everything()


def test_a_request_of_a_user_needs_the_users_key_where_users_have_their_own(tmp_path: Path) -> None:
    scene = Scene(tmp_path, EncryptionMode.USER)
    serve(scene.rig, scene.sealed(ask("r0", prompt=SECRET, user="ann")), scene.sealed(ask("r1", prompt=SECRET)))
    assert scene.rig.results()["r0"][0]["error"]["code"] == "wrong_data_key"
    assert scene.rig.statuses()["r1"] == "completed"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": "moved"}, "seal_broken"),
        ({"sealed": {"key": "0" * 32}}, "data_key_unknown"),
    ],
)
def test_what_does_not_open_is_rejected(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    scene = Scene(tmp_path, EncryptionMode.TENANT)
    request = msgspec.json.decode(scene.sealed(ask("r0", prompt=SECRET)))
    changed = request | change | {"sealed": request["sealed"] | change.get("sealed", {})}
    serve(scene.rig, msgspec.json.encode(changed))
    (results,) = scene.rig.results().values()
    assert results[0]["error"]["code"] == code


def test_a_request_to_a_destroyed_key_is_rejected_and_its_result_does_not_open(tmp_path: Path) -> None:
    scene = Scene(tmp_path, EncryptionMode.TENANT)
    serve(scene.rig, scene.sealed(ask("r0", prompt=SECRET)), pause=1.0)
    scene.keys.destroy("acme", scene.key.id)
    with pytest.raises(ContentErased):
        scene.opened("r0")
    other = Scene(tmp_path / "other", EncryptionMode.TENANT)
    other.keys.destroy("acme", other.key.id)
    serve(other.rig, other.sealed(ask("r1", prompt=SECRET)))
    assert other.rig.results()["r1"][0]["error"]["code"] == "data_key_destroyed"


def test_another_content_under_the_same_id_is_a_dead_letter_that_stays_sealed(tmp_path: Path) -> None:
    scene = Scene(tmp_path, EncryptionMode.TENANT)
    serve(scene.rig, scene.sealed(ask("r0", prompt="one")), scene.sealed(ask("r0", prompt=SECRET)), pause=1.0)
    (letter,) = [msgspec.json.decode(record.value or b"") for record in scene.rig.broker.topic(DEADLETTER.name)]
    assert letter["code"] == "request_id_conflict"
    assert SECRET.encode() not in scene.everything()
