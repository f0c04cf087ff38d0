"""A request as a workflow's input: `{"method", "path", "path_parameters", "query", "headers", "body"}`.

A value of a path parameter is decoded unless that would let it be more than one segment of the address that a
definition makes of it. What a query or a field repeats is a list in the query, and joined with commas in `headers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from compositions.asl.values import Json, spliced
from controlplane.kernel.errors import Invalid, TooLarge, UnsupportedMediaType

if TYPE_CHECKING:
    from . import Arrival

_MORE_THAN_TEXT = frozenset("/\\?#%")


def input_of(arrival: Arrival, parameters: Mapping[str, str], limit: int) -> dict[str, Json]:
    """Raises TooLarge for a body of more than `limit` bytes, Invalid or UnsupportedMediaType for what is no input."""
    if len(arrival.body) > limit:
        raise TooLarge(f"A composition takes at most {limit} bytes.", limit=limit)
    headers: dict[str, str] = {}
    for name, value in arrival.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return {
        "method": arrival.method,
        "path": arrival.path,
        "path_parameters": {name: _decoded(value) for name, value in parameters.items()},
        "query": _query(arrival.query) if arrival.query else {},
        "headers": headers,
        "body": _body(arrival.body, headers.get("content-type", "")) if arrival.body else None,
    }


def _decoded(value: str) -> str:
    return "/".join(map(_segment, value.split("/"))) if "%" in value else value


def _segment(raw: str) -> str:
    text = unquote(raw)
    return raw if _MORE_THAN_TEXT & set(text) or text in (".", "..") else text


def _query(raw: str) -> dict[str, Any]:
    query: dict[str, Any] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        if name not in query:
            query[name] = value
        elif isinstance(query[name], list):
            query[name].append(value)
        else:
            query[name] = [query[name], value]
    return query


def _body(body: bytes, content_type: str) -> Json:
    kind = content_type.partition(";")[0].strip().lower()
    if kind.endswith("json"):
        try:
            return spliced(body)
        except ValueError as error:
            raise Invalid(f"The body is not {kind}: {error}.") from None
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise UnsupportedMediaType("A composition takes JSON, or text in UTF-8; this body is neither.") from None
