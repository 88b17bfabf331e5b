"""What the page on governance shows for producers makes signatures that are accepted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from agents.governance.secrets import Purpose
from agents.governance.signatures.entrance import GuardedEntrance
from agents.governance.signatures.verifier import Verifier
from schemas.settings import IntakeSettings
from streams.outcomes import Ok
from streams.records import Record
from streams.topics import REQUESTS
from streams.vouchers import Vouching
from tests.unit.docs.fences import SIGNING, fences
from tests.unit.governance.keys import MASTER, RING, issue, registry_of

KEY = issue("documented")
BODY = '{"id": "order-1", "tenant": "acme", "prompt": "Ångström costs 5 % more, \\"really\\""}'
KCAT = """\
#!{python}
import json, sys
print(json.dumps([sys.argv[1:], sys.stdin.read()]))
"""


def accepted_key(body: bytes, key: bytes, headers: list[tuple[str, bytes]]) -> str | None:
    """Return the id of the key under which a message with these headers is let in; None when it is refused."""
    registry = registry_of(KEY)
    verifier = Verifier(registry, RING, Vouching(MASTER.subkey(Purpose.VOUCHERS)), 60.0)
    entrance = GuardedEntrance(IntakeSettings(), verifier, registry, required=True)
    now = time.time()
    record = Record(REQUESTS.name, 0, 0, key, body, tuple(headers), now, stamped=True)
    (outcome,) = entrance.read(record, now)
    return outcome.key_id if isinstance(outcome, Ok) else None


def test_python_signs() -> None:
    (fence,) = [fence for fence in fences("python") if fence.kind == SIGNING]
    namespace: dict[str, Any] = {}
    exec(compile(fence.text, str(fence), "exec"), namespace)
    headers = namespace["signed_headers"](KEY.key.text(), "acme", BODY.encode())
    assert accepted_key(BODY.encode(), b"acme", headers) == KEY.fact.key_id
    assert accepted_key(BODY.encode() + b" ", b"acme", headers) is None


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_shell_signs(tmp_path: Path) -> None:
    (fence,) = [fence for fence in fences("sh") if fence.kind == SIGNING]
    kcat = tmp_path / "kcat"
    kcat.write_text(KCAT.format(python=sys.executable))
    kcat.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "ASAHI_API_KEY": KEY.key.text()}
    command = ["bash", "-euo", "pipefail", "-c", fence.text, "producer", "acme", BODY]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    words, sent = json.loads(said)
    headers = [word.split("=", 1) for option, word in pairwise(words) if option == "-H"]
    tenant, _, body = sent.partition(":")
    assert body == BODY
    found = accepted_key(body.encode(), tenant.encode(), [(name, value.encode()) for name, value in headers])
    assert found == KEY.fact.key_id
