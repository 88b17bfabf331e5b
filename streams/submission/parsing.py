"""From a line of the input to a request that may be sent, or to the reason why it may not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import orjson
from pydantic import ValidationError

from schemas.errors import InvalidEvent
from schemas.request import Request
from schemas.wire import ProblemRecord
from streams.submission.identity import Asking, id_of_custom, id_of_line
from streams.submission.openai_batch import REMEDY, request_fields
from streams.submission.source import Line


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that may be sent.

    Attributes:
        body: Its JSON, complete.
        custom_id: Of an OpenAI batch line.
    """

    id: str
    tenant: str
    body: bytes
    custom_id: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that is not sent, and why.

    Attributes:
        id: The line's own, if it can be read; else one made of its number.
        problem: Names the line.
        custom_id: Of an OpenAI batch line.
        tenant: The line's own, if it can be read; else empty.
    """

    id: str
    problem: ProblemRecord
    custom_id: str | None = None
    tenant: str = ""


class _Head(msgspec.Struct):
    """The fields that say what kind of line this is and what it lacks."""

    id: Any = msgspec.UNSET
    tenant: Any = msgspec.UNSET
    constraints: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    custom_id: Any = msgspec.UNSET
    body: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_decode_head = msgspec.json.Decoder(_Head).decode


class LineParser:
    """Reads lines of both formats, told apart line by line.

    Args:
        submission: Id of the submission.
        asking: What lines get that do not say otherwise.
        longest: Bytes a request may have.
    """

    def __init__(self, submission: str, asking: Asking, longest: int) -> None:
        self._submission = submission
        self._asking = asking
        self._longest = longest
        self._deadline = None if asking.deadline is None else {"deadline": asking.deadline}

    def parse(self, line: Line) -> Accepted | Refused:
        """Return the line's request, complete and valid, or why there is none."""
        request_id, custom_id, tenant = id_of_line(self._submission, line.number), None, ""
        try:
            if line.raw is None:
                raise InvalidEvent("too_large", f"is longer than {self._longest} bytes", "make the request smaller")
            head = _decode_head(line.raw)
            if isinstance(head.custom_id, str) and head.custom_id:
                custom_id = head.custom_id
                request_id = id_of_custom(self._submission, custom_id)
                body = self._openai(line.raw, request_id)
            elif head.custom_id is not msgspec.UNSET:
                raise InvalidEvent("invalid_field", "custom_id must be a text", REMEDY, "custom_id")
            else:
                tenant = head.tenant if isinstance(head.tenant, str) else ""
                request_id = head.id if isinstance(head.id, str) and head.id else request_id
                body = self._native(line.raw, head, request_id)
            if len(body) > self._longest:
                raise InvalidEvent("too_large", f"is longer than {self._longest} bytes", "make the request smaller")
            request = Request.model_validate_json(body)
        except (msgspec.MsgspecError, orjson.JSONDecodeError, UnicodeDecodeError) as wrong:
            return Refused(
                request_id, _problem(line, "malformed_json", f"not a JSON object: {wrong}"), custom_id, tenant
            )
        except RecursionError:
            return Refused(request_id, _problem(line, "malformed_json", "nested too deeply"), custom_id, tenant)
        except ValidationError as wrong:
            first = wrong.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"]) or first.get("ctx", {}).get("field", "")
            code = "malformed_json" if first["type"] == "json_invalid" else "invalid_field"
            message = f"{field}: {first['msg']}" if field else first["msg"]
            return Refused(request_id, _problem(line, code, message, field=field or None), custom_id, tenant)
        except InvalidEvent as wrong:
            problem = _problem(line, wrong.code, wrong.message, wrong.remedy, wrong.field)
            return Refused(request_id, problem, custom_id, tenant)
        return Accepted(request.id, request.tenant, body, custom_id)

    def _native(self, raw: bytes, head: _Head, request_id: str) -> bytes:
        """Return the line as it is, with what it lacks written in front of its own fields."""
        lacking = ""
        if head.id is msgspec.UNSET:
            lacking += f'"id":"{request_id}",'
        if head.tenant is msgspec.UNSET:
            lacking += f'"tenant":"{self._asking.tenant}",'
        if self._deadline is not None:
            if head.constraints is not msgspec.UNSET:
                return self._with_deadline(raw, request_id)
            lacking += f'"constraints":{{"deadline":"{self._asking.deadline}"}},'
        if not lacking:
            return raw
        own = raw[1:].lstrip()
        return b"{" + (lacking.encode() if not own.startswith(b"}") else lacking[:-1].encode()) + own

    def _with_deadline(self, raw: bytes, request_id: str) -> bytes:
        document = {"id": request_id, "tenant": self._asking.tenant} | orjson.loads(raw)
        if isinstance(document["constraints"], dict):
            document["constraints"] = (self._deadline or {}) | document["constraints"]
        return orjson.dumps(document)

    def _openai(self, raw: bytes, request_id: str) -> bytes:
        fields = request_fields(orjson.loads(raw), autopilot=self._asking.autopilot)
        if self._deadline is not None:
            fields["constraints"] = self._deadline
        return orjson.dumps({"id": request_id, "tenant": self._asking.tenant} | fields)


def _problem(line: Line, code: str, message: str, remedy: str = REMEDY, field: str | None = None) -> ProblemRecord:
    return ProblemRecord(code, f"line {line.number}: {message}", remedy, field)
