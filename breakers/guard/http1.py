"""HTTP/1.1 as bytes: how a request is written, and how its answer is read, whatever pieces it arrives in (RFC 9112).

Reading is strict. A lenient reader and a lenient server can disagree on where an answer ends, and the next caller on
the same connection would get the rest of it.
"""

import re

from .faults import WireFailure
from .messages import Headers, Request
from .request_target import safe_path, safe_query

MAX_HEAD = 65536  # bytes of status line and headers together, or of trailers
MAX_CHUNK_LINE = 4096

# The wire writes these itself: framing must match the body that is sent, and the host is the registered one.
_OWN_HEADERS = {"connection", "content-length", "expect", "host", "keep-alive", "proxy-connection"}
_OWN_HEADERS |= {"te", "trailer", "transfer-encoding", "upgrade"}
_LENGTH_EXPECTED = frozenset(("POST", "PUT", "PATCH"))

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_METHOD = re.compile(_TOKEN)
# Possessive: nothing that a part of a field has taken could match otherwise, so no way back is kept.
_FIELDS_OUT = re.compile(rf"(?:{_TOKEN}+: [^\x00\r\n]*+\r\n)*+")
_FIELDS_IN = re.compile(rf"(?:{_TOKEN}+:[^\x00\r\n]*+\r\n)*+".encode())
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\x00\r\n]*)?\r\n")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00\r\n]*)?")
_BEGIN = b"HTTP/1."

_HEAD, _SIZED, _TO_THE_END, _CHUNK_LINE, _CHUNK, _CHUNK_END, _TRAILERS, _DONE = range(8)


def request_bytes(request: Request, prefix: str, host: str) -> bytes:
    """The message for `request`, below the path `prefix`. ValueError if no HTTP message can carry it."""
    if not _METHOD.fullmatch(request.method):
        raise ValueError(f"{request.method!r} is no HTTP method")
    lines = [f"{name}: {value}\r\n" for name, value in request.headers if name not in _OWN_HEADERS]
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
    head = f"{request.method} {target} HTTP/1.1\r\nHost: {host}\r\n{length}{fields}\r\n"
    return head.encode() + request.body


class Incoming:
    """An answer as it arrives. `feed` and `end` tell whether it is complete, or raise WireFailure.

    `reusable` tells whether the connection may carry another request afterwards.
    """

    __slots__ = (
        "_bodiless",
        "_buffer",
        "_left",
        "_limit",
        "_parts",
        "_size",
        "_state",
        "headers",
        "reusable",
        "status",
    )

    def __init__(self, method: str, limit: int) -> None:
        self._bodiless = method == "HEAD"
        self._limit = limit
        self._state = _HEAD
        self._buffer = b""
        self._parts: list[bytes] = []
        self._size = 0
        self._left = 0
        self.status = 0
        self.headers: Headers = []
        self.reusable = False

    @property
    def body(self) -> bytes:
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    @property
    def progress(self) -> str:
        if self._state == _HEAD:
            return "the headers were not complete" if self._buffer else "no answer came"
        return "the answer was not complete"

    def feed(self, data: bytes) -> bool:
        while self._state == _HEAD:
            rest = self._read_head(data)
            if rest is None:
                return False
            data = rest
        if self._state == _SIZED:
            return self._read_sized(data)
        if self._state == _TO_THE_END:
            self._keep(data)
            return False
        if self._state == _DONE:
            self.reusable = self.reusable and not data
            return True
        return self._read_chunks(data)

    def end(self) -> bool:
        """The server has said its last word."""
        if self._state in (_TO_THE_END, _DONE):
            return True
        if self._state == _HEAD and self._buffer and (b"\r\n" not in self._buffer and b"\n" in self._buffer):
            raise WireFailure("malformed", "lines do not end as HTTP's do")
        raise WireFailure("connection_lost", f"the connection was closed before {self._wanted()}")

    def _wanted(self) -> str:
        return "an answer came" if self._state == _HEAD and not self._buffer else "the answer was complete"

    def _read_head(self, data: bytes) -> bytes | None:
        """Take the head; returns what follows it, or None while it is incomplete."""
        buffer = self._buffer + data if self._buffer else data
        end = buffer.find(b"\r\n\r\n")
        if not buffer.startswith(_BEGIN[: len(buffer)]):
            raise WireFailure("malformed", "the answer does not begin as HTTP does")
        if end < 0 or end > MAX_HEAD:
            if len(buffer) > MAX_HEAD:
                raise WireFailure("malformed", f"the headers are longer than {MAX_HEAD} bytes")
            self._buffer = buffer
            return None
        self._buffer = b""
        line = _STATUS_LINE.match(buffer)
        if line is None:
            raise WireFailure("malformed", "the status line is not HTTP's")
        if not _FIELDS_IN.fullmatch(buffer, line.end(), end + 2):
            raise WireFailure("malformed", "a header is not as HTTP writes them")
        self.status = int(line[2])
        if self.status < 200:
            if self.status == 101:
                raise WireFailure("malformed", "the server switched protocols unasked")
            return buffer[end + 4 :]
        self._read_fields(buffer[line.end() : end])
        self._frame(http_1_0=line[1] == b"0")
        return buffer[end + 4 :]

    def _read_fields(self, fields: bytes) -> None:
        try:
            text = fields.decode()
        except UnicodeDecodeError:
            text = fields.decode("latin-1")
        headers = self.headers
        # Not splitlines(), which also splits where HTTP does not.
        for field in text.split("\r\n") if text else ():
            name, _, value = field.partition(":")
            headers.append((name.lower(), value.strip(" \t")))

    def _frame(self, *, http_1_0: bool) -> None:
        """Decide where the answer ends (RFC 9112, section 6.3)."""
        lengths: list[str] = []
        encodings: list[str] = []
        connection = ""
        for name, value in self.headers:
            if name == "content-length":
                lengths += value.split(",")
            elif name == "transfer-encoding":
                encodings.append(value.lower())
            elif name == "connection":
                connection += value.lower() + ","
        self.reusable = "close" not in connection and (not http_1_0 or "keep-alive" in connection)
        if encodings and encodings != ["chunked"]:
            raise WireFailure("malformed", "the answer has a transfer encoding that nobody asked for")
        length = _length(lengths) if lengths else None
        if self._bodiless or self.status in (204, 304):
            self._state = _DONE
        elif encodings:
            self._state = _CHUNK_LINE
            if lengths:  # one of the two is a lie; RFC 9112 has the chunks win and the connection end
                self.headers = [pair for pair in self.headers if pair[0] != "content-length"]
                self.reusable = False
        elif length is None:
            self._state, self.reusable = _TO_THE_END, False
        elif length > self._limit:
            raise WireFailure("oversized", f"{length} bytes were declared; the limit is {self._limit}")
        else:
            self._left = length
            self._state = _SIZED if length else _DONE

    def _read_sized(self, data: bytes) -> bool:
        if len(data) > self._left:
            data, self.reusable = data[: self._left], False
        self._left -= len(data)
        if data:
            self._parts.append(data)
        if self._left:
            return False
        self._state = _DONE
        return True

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            raise WireFailure("oversized", f"more than {self._limit} bytes came; that is the limit")
        if data:
            self._parts.append(data)

    def _read_chunks(self, data: bytes) -> bool:
        buffer, at = self._buffer + data, 0
        self._buffer = b""
        while self._state != _TRAILERS:
            if self._state == _CHUNK_LINE:
                end = buffer.find(b"\r\n", at)
                if end < 0:
                    return self._wait_for(buffer[at:], MAX_CHUNK_LINE, "the line before a chunk")
                line = _CHUNK_SIZE.fullmatch(buffer, at, end)
                if line is None:
                    raise WireFailure("malformed", "the line before a chunk has no size")
                self._left, at = int(line[1], 16), end + 2
                if self._size + self._left > self._limit:
                    raise WireFailure("oversized", f"more than {self._limit} bytes are coming; that is the limit")
                self._state = _CHUNK if self._left else _TRAILERS
            elif self._state == _CHUNK:
                piece = buffer[at : at + self._left]
                self._keep(piece)
                self._left -= len(piece)
                at += len(piece)
                if self._left:
                    return False
                self._state = _CHUNK_END
            else:
                if len(buffer) < at + 2:
                    return self._wait_for(buffer[at:], 2, "a chunk")
                if buffer[at : at + 2] != b"\r\n":
                    raise WireFailure("malformed", "a chunk does not end where it said it would")
                at += 2
                self._state = _CHUNK_LINE
        return self._read_trailers(buffer[at:])

    def _read_trailers(self, buffer: bytes) -> bool:
        """They are dropped: nothing has announced them to the caller."""
        end = 0 if buffer.startswith(b"\r\n") else buffer.find(b"\r\n\r\n") + 2
        if end == 1 or len(buffer) < 2:
            return self._wait_for(buffer, MAX_HEAD, "the trailers")
        self.reusable = self.reusable and len(buffer) == end + 2
        self._state = _DONE
        return True

    def _wait_for(self, buffer: bytes, limit: int, what: str) -> bool:
        if len(buffer) > limit:
            raise WireFailure("malformed", f"{what} does not end")
        self._buffer = buffer
        return False


def _length(values: list[str]) -> int:
    distinct = {value.strip(" \t") for value in values}
    text = distinct.pop()
    if distinct or not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise WireFailure("malformed", "the declared length is no number, or there are several")
    return int(text)
