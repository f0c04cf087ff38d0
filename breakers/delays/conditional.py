"""Entity tags of documents that change in small ways: weak ones, compared as RFC 9110 says."""

import hashlib
import re

_TAG = re.compile(rb'"[^"]*"')


def matches(if_none_match: bytes, etag: bytes) -> bool:
    """RFC 9110, section 13.1.2: weak comparison with a list of tags, or `*`."""
    if if_none_match == etag or if_none_match.strip() == b"*":
        return True
    opaque = etag.removeprefix(b"W/")
    return opaque in _TAG.findall(if_none_match)


def weak(news: bytes) -> bytes:
    return b'W/"%s"' % hashlib.sha256(news).hexdigest()[:20].encode()
