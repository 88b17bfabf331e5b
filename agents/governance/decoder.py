"""From the bytes of one message to the outcome of each request in it; no input raises.

A message holds one JSON object, which is one request, or an array of them. Requests are validated one by one: that
costs no more than validating an array at once (5 microseconds each, either way), and a bad one harms no other.

Of a key that occurs twice in one object the last value holds, here and at the providers, which read the same bytes
with the same parser.
"""

from __future__ import annotations

import msgspec
from pydantic import TypeAdapter, ValidationError

from agents.governance import problems
from agents.governance.contract import contract_problem
from agents.governance.digest import bytes_digest, request_digest
from agents.governance.freeform import freeform_problem
from agents.governance.identity import MAX_MEMBERS, read_identity, tenant_name
from agents.governance.outline import outline
from schemas.field_names import dotted
from schemas.request import Request
from schemas.settings import IntakeSettings
from schemas.wire import ProblemRecord
from streams.outcomes import DeadLetter, Message, Ok, Outcome, Rejected
from streams.topics import REQUESTS

MAX_REQUESTS = 10_000
"""Most requests in one array: what lies behind them is a dead letter."""
MAX_COMMAS = 500_000
"""An array with more commas is divided the slow way, which stops in time: it may hold a million numbers."""

_WHITE_SPACE = b" \t\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TYPE_HEADER = "ce_type"
_KNOWN_TYPE = (REQUESTS.ce_type or "").encode()
_contract = TypeAdapter(Request).validator  # a tenth faster than Request.model_validate_json
_elements = msgspec.json.Decoder(list[msgspec.Raw])


def decode(message: Message, intake: IntakeSettings) -> list[Outcome]:
    """Return the outcome of each request in a message, in order; sealed ones stay so.

    Whatever has a readable id is `Ok` or `Rejected`, the rest is a `DeadLetter`; nothing is passed over.
    """
    value = message.value
    if not value:
        return [DeadLetter(message, 0, problems.empty_message(), b"")]
    problem = _envelope_problem(message)
    if value.startswith(_BYTE_ORDER_MARK):
        problem = problem or problems.byte_order_mark()
        value = value[len(_BYTE_ORDER_MARK) :]
    if value.startswith(b"{"):
        return [_outcome(message, value, 0, problem, intake)]
    bodies, undivided = _divide(value)
    outcomes = [_outcome(message, body, position, problem, intake) for position, body in enumerate(bodies)]
    if undivided is not None:
        problem = problems.undivided(len(undivided), MAX_REQUESTS)
        outcomes.append(DeadLetter(message, len(bodies), problem, undivided))
    return outcomes or [DeadLetter(message, 0, problems.empty_message(), value)]


def _envelope_problem(message: Message) -> ProblemRecord | None:
    """Return what is wrong with the message around the requests, which then holds for each of them."""
    for name, content in message.headers:
        if name == _TYPE_HEADER and content != _KNOWN_TYPE:
            return problems.unknown_type(_KNOWN_TYPE.decode())
    return None


def _divide(value: bytes) -> tuple[list[bytes], bytes | None]:
    """Return the bytes of each request, and what is left where an array cannot be divided further."""
    if not value.lstrip().startswith(b"["):
        return [value], None
    if value.count(b",") <= MAX_COMMAS:
        try:
            elements = _elements.decode(value)
        except (msgspec.DecodeError, RecursionError):
            pass  # one of them is not JSON: the outline tells it from the others
        else:
            if len(elements) <= MAX_REQUESTS:
                return [bytes(element) for element in elements], None
    sketch = outline(value, MAX_REQUESTS)
    rest = value[sketch.rest :]
    bodies = [value[member.start : member.end].strip(_WHITE_SPACE) for member in sketch.members]
    return bodies, rest if rest.strip() or not sketch.complete else None


def _outcome(
    message: Message,
    body: bytes,
    position: int,
    problem: ProblemRecord | None,
    intake: IntakeSettings,
) -> Outcome:
    if problem is None:
        if len(body) > intake.max_request_bytes:
            problem = problems.too_large(len(body), intake.max_request_bytes, _largest_field(body))
        else:
            try:
                request: Request = _contract.validate_json(body)
            except ValidationError as wrong:
                problem = contract_problem(wrong, body, intake.max_depth)
            else:
                problem = _objection(request, body, message.key, intake.max_depth)
                if problem is None:
                    # a sealed one has a digest of its own only once it is open
                    digest = request_digest(request) if request.sealed is None else bytes_digest(body)
                    return Ok(request, body, digest)
    return _refused(message, body, position, problem)


def _objection(request: Request, body: bytes, key: bytes | None, max_depth: int) -> ProblemRecord | None:
    """Return what speaks against a request that is valid by the contract."""
    if key is not None and key != request.tenant.encode():
        return problems.key_mismatch()
    return freeform_problem(request, body, max_depth)


def _refused(message: Message, body: bytes, position: int, problem: ProblemRecord) -> Rejected | DeadLetter:
    identity = read_identity(body)
    if identity.id is None:
        return DeadLetter(message, position, problem, body)
    # the key first: a rejection must not turn up at a tenant that only the body names
    tenant = tenant_name((message.key or b"").decode(errors="replace")) or identity.tenant
    return Rejected(identity.id, tenant, problems.to_resend(problem), bytes_digest(body), identity.user, body)


def _largest_field(body: bytes) -> str | None:
    members = outline(body, MAX_MEMBERS).members
    keyed = [member for member in members if member.key is not None]
    if not keyed:
        return None
    largest = max(keyed, key=lambda member: member.end - member.start)
    return dotted(((largest.key or b"")[1:-1].decode(errors="replace"),))
