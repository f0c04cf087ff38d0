"""A guard request from the arguments of `http:invoke`: the fields of Step Functions' HTTP task.

ApiEndpoint, Method, Headers, QueryParameters, RequestBody, and Transform for bodies sent as a form. Who may call is
the target's own business here, so Authentication and InvocationConfig are taken and have no effect.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from breakers.guard.messages import Headers, Request
from compositions.asl import errors
from compositions.asl.values import Json, text

from .context import ResourceError
from .endpoints import Endpoints

METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
FORM: Final = "application/x-www-form-urlencoded"
# What a definition passes on of its caller's fields and the wire cannot use: the answer is read here, as plain text.
_NOT_SENT: Final = frozenset(("accept-encoding", "content-length", "host", "connection", "transfer-encoding", "range"))


def request_of(arguments: Json, endpoints: Endpoints) -> tuple[str, Request]:
    """The target's slug and what to send. Raises ResourceError that names the field and the remedy."""
    if not isinstance(arguments, dict):
        raise _wrong("the arguments", "an object with ApiEndpoint and Method", arguments)
    address, method = arguments.get("ApiEndpoint"), arguments.get("Method")
    if not isinstance(address, str):
        raise _wrong("ApiEndpoint", "an address such as target://slug/path", address)
    if method not in METHODS:
        raise _wrong("Method", "one of " + ", ".join(sorted(METHODS)), method)
    slug, path, query = endpoints.find(address)
    if len(arguments) == 2:
        return slug, Request(method, path, query)
    given = arguments.get("Headers")
    headers: Headers = _headers(given) if given else []
    parameters = arguments.get("QueryParameters")
    if parameters:
        more = _query(parameters)
        query = f"{query}&{more}" if query else more
    body = arguments.get("RequestBody")
    sent = b"" if body is None else _body(body, headers, arguments.get("Transform"))
    return slug, Request(method, path, query, headers, sent)


def _headers(given: Json) -> Headers:
    if not isinstance(given, dict):
        raise _wrong("Headers", "an object", given)
    headers: Headers = []
    for name, value in given.items():
        lowered = name.lower()
        if lowered in _NOT_SENT or value is None:
            continue
        for each in value if isinstance(value, list) else (value,):
            headers.append((lowered, each if isinstance(each, str) else _plain(each)))
    return headers


def _query(given: Json) -> str:
    if not isinstance(given, dict):
        raise _wrong("QueryParameters", "an object", given)
    pairs: list[tuple[str, str]] = []
    for name, value in given.items():
        if value is not None:
            pairs += [(name, _plain(each)) for each in (value if isinstance(value, list) else (value,))]
    return urlencode(pairs, quote_via=quote)


def _body(body: Json, headers: Headers, transform: Json) -> bytes:
    if isinstance(transform, dict) and transform.get("RequestBodyEncoding") == "URL_ENCODED":
        if not isinstance(body, dict):
            raise _wrong("RequestBody", "an object, for it is sent URL_ENCODED", body)
        if not any(name == "content-type" for name, _ in headers):
            headers.append(("content-type", FORM))
        options = transform.get("RequestEncodingOptions")
        arrays = options.get("ArrayFormat", "INDICES") if isinstance(options, dict) else "INDICES"
        return urlencode(list(_flat(body, arrays))).encode()
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "application/json"))
    elif isinstance(body, str):
        return body.encode()  # text that the definition has made for its own content type
    return text(body).encode()


def _flat(value: Mapping[str, Any], arrays: str, inside: str = "") -> Iterator[tuple[str, str]]:
    """Names and values of a form, nested ones as name[inner] and arrays as ArrayFormat says."""
    for name, each in value.items():
        name = f"{inside}[{name}]" if inside else name
        if isinstance(each, dict):
            yield from _flat(each, arrays, name)
        elif isinstance(each, list):
            yield from _array(name, each, arrays)
        elif each is not None:
            yield name, _plain(each)


def _array(name: str, values: list[Any], arrays: str) -> Iterator[tuple[str, str]]:
    if arrays == "COMMAS":
        yield name, ",".join(map(_plain, values))
        return
    for index, each in enumerate(values):
        place = {"INDICES": f"{name}[{index}]", "BRACKETS": f"{name}[]"}.get(arrays, name)
        if isinstance(each, dict):
            yield from _flat(each, arrays, place)
        else:
            yield place, _plain(each)


def _plain(value: Json) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _wrong(field: str, wanted: str, given: Json) -> ResourceError:
    found = "nothing" if given is None else text(given)[:200]
    return ResourceError(errors.RUNTIME, f"{field} of http:invoke must be {wanted}; it is {found}.")
