"""HTTP/1.1 as bytes: how a request is written, and how its answer is read, whatever pieces it arrives in (RFC 9112).

Answers are parsed by llhttp, strictly, and what it still lets pass is refused here. A lenient reader and a lenient
server can disagree on where an answer ends, and the next caller on the same connection would get the rest of it.
"""

import re
from collections.abc import Set as AbstractSet

from httptools import HttpParserError, HttpResponseParser

from .faults import WireFailure
from .messages import Headers, Request
from .request_target import safe_path, safe_query

MAX_HEAD = 65536  # bytes of all headers together, of a line before a chunk, or of trailers

# The wire writes these itself: framing must match the body that is sent, and the host is the registered one.
OWN_HEADERS = {"connection", "content-length", "expect", "host", "keep-alive", "proxy-connection"}
OWN_HEADERS |= {"te", "trailer", "transfer-encoding", "upgrade"}
_LENGTH_EXPECTED = frozenset(("POST", "PUT", "PATCH"))

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_METHOD = re.compile(_TOKEN)
# Possessive: nothing that a part of a field has taken could match otherwise, so no way back is kept.
_FIELDS_OUT = re.compile(rf"(?:{_TOKEN}+: [^\x00\r\n]*+\r\n)*+")
_BEGIN = ord("H")  # the parser would also take other protocols' answers, and empty lines before
_VERSIONS = ("1.0", "1.1")


def request_bytes(
    request: Request, prefix: str, host: str, *, own: AbstractSet[str] = OWN_HEADERS, more: str = ""
) -> bytes:
    """The message for `request`, below the path `prefix`. ValueError if no HTTP message can carry it.

    Headers named in `own` are left out; `more` is whole header lines to send besides.
    """
    if not _METHOD.fullmatch(request.method):
        raise ValueError(f"{request.method!r} is no HTTP method")
    lines = [f"{name}: {value}\r\n" for name, value in request.headers if name not in own]
    fields = "".join(lines)
    # A line break in a value would look like one more header.
    if fields.count("\n") != len(lines) or not _FIELDS_OUT.fullmatch(fields):
        raise ValueError("a header has a name or value that HTTP cannot carry")
    target = prefix + safe_path(request.path)
    if request.query:
        target = f"{target}?{safe_query(request.query)}"
    if "user-agent: " not in fields:  # some servers refuse requests without
        fields += "user-agent: switchgear\r\n"
    length = ""
    if request.body or request.method in _LENGTH_EXPECTED:
        length = f"Content-Length: {len(request.body)}\r\n"
    head = f"{request.method} {target} HTTP/1.1\r\nHost: {host}\r\n{length}{more}{fields}\r\n"
    return head.encode() + request.body


class Incoming:
    """An answer as it arrives. `feed` and `end` tell whether it is complete, or raise WireFailure.

    `reusable` tells whether the connection may carry another request afterwards. The methods `on_...` are the parser's.
    """

    __slots__ = (
        "_done",
        "_head",
        "_limit",
        "_overhead",
        "_parser",
        "_parts",
        "_size",
        "_to_the_end",
        "headers",
        "reusable",
        "status",
    )

    def __init__(self, method: str, limit: int) -> None:
        self._head = method == "HEAD"
        self._limit = limit
        self._parser = HttpResponseParser(self)
        self._done = self._to_the_end = False
        self._overhead = 0  # bytes since the last of the body
        self._parts: list[bytes] = []
        self._size = 0
        self.status = 0  # until the headers are complete
        self.headers: Headers = []
        self.reusable = False

    @property
    def body(self) -> bytes:
        return b"".join(self._parts)

    @property
    def progress(self) -> str:
        if self.status:
            return "the answer was not complete"
        return "the headers were not complete" if self._overhead else "no answer came"

    def feed(self, data: bytes) -> bool:
        if self._done:
            self.reusable = False
            return True
        if not self.status and not self._overhead and data[0] != _BEGIN:
            raise WireFailure("malformed", "the answer does not begin as HTTP does")
        self._overhead += len(data)
        try:
            # The last byte by itself: if the answer is complete before it, there is more here than the answer.
            self._parser.feed_data(data[:-1])
            if self._done:
                self.reusable = False
            else:
                self._parser.feed_data(data[-1:])
        except HttpParserError as error:
            if not self._done:
                raise _failure(error) from None
            self.reusable = False
        if self._done:
            del self._parser  # it knows us too, and a circle would wait for the garbage collector
            return True
        if self._overhead > MAX_HEAD:
            raise WireFailure("malformed", f"the headers, a chunk's line or the trailers exceed {MAX_HEAD} bytes")
        return False

    def end(self) -> bool:
        """The server has said its last word."""
        if self._done or self._to_the_end:
            return True
        wanted = "the answer was complete" if self.status or self._overhead else "an answer came"
        raise WireFailure("connection_lost", f"the connection was closed before {wanted}")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.status:  # trailers are dropped: nothing has announced them to the caller
            return
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        self.headers.append((name.decode().lower(), text.strip(" \t")))

    def on_headers_complete(self) -> None:
        if self._done:
            return
        if self._overhead > MAX_HEAD and sum(len(name) + len(value) + 4 for name, value in self.headers) > MAX_HEAD:
            raise WireFailure("malformed", f"the headers are longer than {MAX_HEAD} bytes")
        version, status = self._parser.get_http_version(), self._parser.get_status_code()
        if version not in _VERSIONS or status < 100 or status == 101:
            raise WireFailure("malformed", f"nobody asked for HTTP {version} with status {status}")
        length: int | None = None
        encodings: list[str] = []
        for name, value in self.headers:
            if name == "content-length":
                length = int(value)
            elif name == "transfer-encoding":
                encodings.append(value.lower())
        if encodings and encodings != ["chunked"]:
            raise WireFailure("malformed", "the answer has a transfer encoding that nobody asked for")
        if status < 200:
            if encodings or length is not None:
                raise WireFailure("malformed", "an interim answer has a body")
            self.headers = []
            return
        self.status = status
        # HTTP/1.0 knows no chunks: who sends them does not know what it says.
        self.reusable = self._parser.should_keep_alive() and (version == "1.1" or not encodings)
        if self._head or status in (204, 304):
            self._done = True  # after a HEAD, the parser would wait for the body that a GET has
        elif length is None:
            self._to_the_end = not encodings
        elif length > self._limit:
            raise WireFailure("oversized", f"{length} bytes were declared; the limit is {self._limit}")

    def on_body(self, data: bytes) -> None:
        if self._done:
            return
        self._size += len(data)
        if self._size > self._limit:
            raise WireFailure("oversized", f"more than {self._limit} bytes came; that is the limit")
        self._overhead = 0
        self._parts.append(data)

    def on_message_complete(self) -> None:
        if self.status:
            self._done = True


def _failure(error: HttpParserError) -> WireFailure:
    """What one of our own methods raised, or else what the parser says."""
    if isinstance(error.__context__, WireFailure):
        return error.__context__
    return WireFailure("malformed", str(error).lower())
