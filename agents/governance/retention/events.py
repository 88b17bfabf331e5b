"""Archived events as SQL sees them: where content is in each kind of event, and what is left without it.

Content is the prompt in all its forms, the answer, what a provider says of a failure, a comment on an answer, and all
bytes of a dead letter. Of requests only the fields named here stay, since anybody may have written anything into
another; of events that Asahi itself makes, the fields named here go.

Each expression is on a row of `archive_store`. What was measured on content, so that tables can be made again without
it, stays in the event as `content_removed`.
"""

from __future__ import annotations

MARK = "content_removed"
REMOVED_MESSAGE = "what the provider said was removed with the content"
PROVIDER_CODES = "provider_"
"""How the codes of errors begin that quote a provider, who may quote the request."""

KEPT_OF_REQUESTS = (
    *("version", "id", "tenant", "user", "sampling", "constraints", "mode", "model", "weights", "strategy", "lambda"),
    *("accept", "task_type", "cache", "tags", "trace", "created_at"),
)
KEPT_OF_SAMPLING = (*("temperature", "top_p", "max_output_tokens", "seed", "presence_penalty", "frequency_penalty"),)
EMPTY_BODIES = ("", "{}", "[]", "null")

VALUE = "ifNull(value, '')"
WHITESPACE = "' \\t\\r\\n'"


def texts(names: tuple[str, ...]) -> str:
    """Return names as a list of literals; they hold nothing that needs an escape."""
    return ", ".join(f"'{name}'" for name in names)


def bodies(value: str) -> str:
    """Return the requests of one message: as it is, or the elements of an array that can be taken apart."""
    is_array = f"startsWith(trim(LEADING {WHITESPACE} FROM {value}), '[')"
    return f"if({is_array} AND notEmpty(JSONExtractArrayRaw({value})), JSONExtractArrayRaw({value}), [{value}])"


REQUEST_BODIES = bodies(VALUE)
LETTER_BODIES = bodies(f"tryBase64Decode(JSONExtractString({VALUE}, 'value_base64'))")


def request_has_content(body: str) -> str:
    """Return whether a request has content; one that cannot be read is content as a whole."""
    keys = f"JSONExtractKeys({body})"
    sampling = f"JSONExtractKeys({body}, 'sampling')"
    return (
        f"if(empty({keys}), {body} NOT IN ({texts(EMPTY_BODIES)}),"
        f" arrayExists(k -> k NOT IN ({texts((*KEPT_OF_REQUESTS, MARK))}), {keys})"
        f" OR arrayExists(k -> k NOT IN ({texts(KEPT_OF_SAMPLING)}), {sampling}))"
    )


def request_without_content(body: str) -> str:
    """Return a request without its content."""
    sampling = _object(
        f"arrayMap(p -> {_pair('p')},"
        f" arrayFilter(p -> p.1 IN ({texts(KEPT_OF_SAMPLING)}), JSONExtractKeysAndValuesRaw({body}, 'sampling')))"
    )
    kept = f"arrayFilter(p -> p.1 IN ({texts(KEPT_OF_REQUESTS)}), JSONExtractKeysAndValuesRaw({body}))"
    fields = f"arrayMap(p -> if(p.1 = 'sampling', concat('\"sampling\":', {sampling}), {_pair('p')}), {kept})"
    measured = (
        f"concat('{{\"bytes\":', toString(length({body})),"
        f" ',\"messages\":', toString(length(JSONExtractArrayRaw({body}, 'messages'))), '}}')"
    )
    return _object(f"arrayConcat({fields}, [concat('\"{MARK}\":', {measured})])")


RESULT_BYTES = f"length(JSONExtractString({VALUE}, 'output', 'content'))"
_QUOTES = (
    f"(startsWith(JSONExtractString({VALUE}, 'error', 'code'), '{PROVIDER_CODES}')"
    f" AND JSONExtractString({VALUE}, 'error', 'message') != '{REMOVED_MESSAGE}')"
)
RESULT_HAS_CONTENT = (
    f"(arrayExists(k -> k != 'finish_reason', JSONExtractKeys({VALUE}, 'output'))"
    f" OR JSONType({VALUE}, 'sealed') = 'Object' OR {_QUOTES})"
)
LETTER_HAS_CONTENT = (
    f"(JSONExtractString({VALUE}, 'value_base64') != '' OR JSONExtractString({VALUE}, 'traceback') != '')"
)
FEEDBACK_HAS_CONTENT = f"(JSONExtractString({VALUE}, 'comment') != '')"


def _pair(pair: str) -> str:
    return f"concat(toJSONString({pair}.1), ':', {pair}.2)"


def _object(fields: str) -> str:
    return f"concat('{{', arrayStringConcat({fields}, ','), '}}')"


def _without(names: tuple[str, ...], changed: str, more: str) -> str:
    """Return the event without fields of these names.

    Args:
        names: Which.
        changed: What becomes of a field `p`, a pair of name and JSON.
        more: A field that is added, as text.
    """
    kept = f"arrayFilter(p -> p.1 NOT IN ({texts((*names, MARK))}), JSONExtractKeysAndValuesRaw({VALUE}))"
    return _object(f"arrayConcat(arrayMap(p -> {changed}, {kept}), [{more}])")


def _result_without_content() -> str:
    reason = f"JSONExtractRaw({VALUE}, 'output', 'finish_reason')"
    output = f"if({reason} = '', '\"output\":{{}}', concat('\"output\":{{\"finish_reason\":', {reason}, '}}'))"
    error = _object(
        f"arrayMap(p -> if(p.1 = 'message', '\"message\":\"{REMOVED_MESSAGE}\"', {_pair('p')}),"
        f" JSONExtractKeysAndValuesRaw({VALUE}, 'error'))"
    )
    changed = (
        f"multiIf(p.1 = 'output', {output}, p.1 = 'error' AND {_QUOTES}, concat('\"error\":', {error}), {_pair('p')})"
    )
    length = f"greatest({RESULT_BYTES}, JSONExtractUInt({VALUE}, '{MARK}', 'output_bytes'))"
    return _without(("sealed",), changed, f"concat('\"{MARK}\":{{\"output_bytes\":', toString({length}), '}}')")


RESULT_WITHOUT_CONTENT = _result_without_content()
LETTER_WITHOUT_CONTENT = _without(("value_base64", "traceback"), _pair("p"), f'\'"value_base64":"","{MARK}":{{}}\'')
FEEDBACK_WITHOUT_CONTENT = _without(("comment",), _pair("p"), f"'\"{MARK}\":{{}}'")
