"""Sealed requests become plain ones, in memory only: what was sent stays what is forwarded, kept and logged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial

import msgspec
from pydantic import TypeAdapter, ValidationError

from agents.governance.digest import bytes_digest, request_digest
from agents.governance.encryption.keyring import DataKeys
from agents.governance.freeform import freeform_problem
from agents.governance.problems import to_resend
from schemas.errors import AsahiError, KeyOutOfReach
from schemas.request import Request
from schemas.wire import ProblemRecord
from streams.outcomes import Ok, Rejected
from streams.sealing.binding import ContentErased, SealBroken
from streams.sealing.facts import DataKeyFacts
from streams.sealing.requests import CONTENT_FIELDS
from streams.stage import DataKeyUse

logger = logging.getLogger(__name__)

SEALED = "sealed"
KEY = "sealed.key"

Opener = Callable[[Ok], Ok | Rejected]
"""Opens a sealed request."""

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode
_contract = TypeAdapter(Request).validator


def nothing_opens(sent: Ok) -> Rejected:
    """Say that this worker has no data keys."""
    return _rejected(
        sent,
        ProblemRecord(
            "encryption_unavailable",
            "sealed: this system has no vault of data keys",
            "have an operator set governance.vault_dir and the master key",
            SEALED,
        ),
    )


class RequestsOpened:
    """Opens sealed requests.

    Args:
        keys: The data keys of this process.
        facts: What the log says of data keys now.
        max_depth: Deepest nesting of what was sealed.
    """

    def __init__(self, keys: DataKeys, facts: Callable[[], DataKeyFacts], max_depth: int) -> None:
        self._keys = keys
        self._facts = facts
        self._max_depth = max_depth

    def __call__(self, sent: Ok) -> Ok | Rejected:
        """Return the request with its content, its digest and every name of it keyed; or why it does not open.

        Raises:
            KeyOutOfReach: Its data key cannot be had at the moment.
        """
        try:
            opened = self._opened(sent)
        except ContentErased:
            return msgspec.structs.replace(_rejected(sent, _destroyed()), erased=True)
        return _rejected(sent, opened) if isinstance(opened, ProblemRecord) else opened

    def _opened(self, sent: Ok) -> Ok | ProblemRecord:
        request, sealed = sent.request, sent.request.sealed
        assert sealed is not None, "only sealed requests are opened"
        try:
            content = self._keys.opener(request.tenant, sealed.key).open(sealed, request.tenant, request.id)
            key = self._keys.key(request.tenant, sealed.key)
            user = self._keys.user_of(request.tenant, sealed.key)
        except (KeyOutOfReach, ContentErased):
            raise
        except SealBroken as broken:
            return ProblemRecord(
                "seal_broken", f"sealed: {broken}", "seal the request again, as docs/encryption.md says", SEALED
            )
        except AsahiError as wrong:
            logger.warning("there is no such data key", extra={"tenant": request.tenant, "reason": str(wrong)})
            return _unknown()
        opened = _merged(sent.body, content)
        if opened is None:
            return _misfit(SEALED)
        try:
            whole: Request = _contract.validate_json(opened)
        except ValidationError as wrong:
            first = wrong.errors(include_url=False, include_input=False, include_context=False)[0]
            return _misfit(str(first["loc"][0]) if first["loc"] else SEALED)
        problem = freeform_problem(whole, opened, self._max_depth)
        if problem is not None:
            return problem
        if whole.user != request.user:
            whole = whole.model_copy(update={"user": request.user})  # its key's user, where it names none
        plain = request_digest(whole)
        digest = key.request_digest(plain.encode())
        use = DataKeyUse(key.id, user, key.fingerprint)
        return msgspec.structs.replace(
            sent,
            request=whole,
            digest=digest,
            opened=opened,
            data_key=use,
            digests=partial(self._digests, whole, key.id, plain),
        )

    def _digests(self, request: Request, key_id: str, plain: str) -> Iterator[str]:
        """Give the digests of a request under the other keys to which it may have been sealed, and in plain text."""
        yield plain
        facts = self._facts()
        for scope in dict.fromkeys((request.user, None)):
            for fact in facts.good(request.tenant, scope):
                if fact.key_id == key_id:
                    continue
                try:
                    yield self._keys.key(request.tenant, fact.key_id).request_digest(plain.encode())
                except ContentErased:
                    continue


def _rejected(sent: Ok, problem: ProblemRecord) -> Rejected:
    request = sent.request
    digest = bytes_digest(sent.body)
    return Rejected(request.id, request.tenant, to_resend(problem), digest, request.user, sent.body)


def _merged(body: bytes, content: bytes) -> bytes | None:
    """Return a request's JSON with the content in place of its seal; None when the content is none."""
    try:
        inner = _members(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not inner or not inner.keys() <= set(CONTENT_FIELDS):
        return None
    outer = _members(body)
    outer.pop(SEALED)
    return _encode(outer | inner)


def _misfit(field: str) -> ProblemRecord:
    """Return the problem of content that is none; nothing is told of it but a field of the contract."""
    shown = field if field in (*CONTENT_FIELDS, SEALED) else SEALED
    return ProblemRecord(
        "invalid_field",
        f"{shown}: what was sealed does not fit the contract",
        f"seal one JSON object of {', '.join(CONTENT_FIELDS)}, as the contract describes them",
        shown,
    )


def _destroyed() -> ProblemRecord:
    return ProblemRecord(
        "data_key_destroyed", "sealed.key: the data key was destroyed", "seal to the tenant's newest data key", KEY
    )


def _unknown() -> ProblemRecord:
    return ProblemRecord(
        "data_key_unknown",
        "sealed.key: no such data key of this tenant is in the vault of the worker",
        "seal to the tenant's newest data key, see `asahi governance data-keys list`",
        KEY,
    )
