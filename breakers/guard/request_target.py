"""Paths and queries that stay below the registered base URL, whatever the other side makes of them.

Servers and the proxies before them resolve dot segments, encoded or not, and some read `\\` as `/`: each could lead a
raw path out of the base URL that an operator registered. What is legal and harmless passes byte by byte.
"""

import re
from urllib.parse import quote

_PLAIN_PATH = re.compile(r"/[\w\-.~!$&'()*+,;=:@%|/]*", re.ASCII)
_PLAIN_QUERY = re.compile(r"[\w\-.~!$&'()*+,;=:@%/?|\[\]{}^`\\]*", re.ASCII)
_DOT, _DOT_DOT = (".", "%2e"), ("..", ".%2e", "%2e.", "%2e%2e")


def safe_path(path: str) -> str:
    """`path` as it is, if it cannot be misread; else with dot segments resolved here and odd characters encoded."""
    if _PLAIN_PATH.fullmatch(path) and "/." not in path and "%2e" not in path and "%2E" not in path:
        return path
    kept: list[str] = []
    segments = path.removeprefix("/").split("/")
    for segment in segments:
        lowered = segment.lower()
        if lowered in _DOT_DOT:
            del kept[-1:]
        elif lowered not in _DOT:
            kept.append(quote(segment, safe="!$&'()*+,;=:@%|~"))
    if segments[-1].lower() in _DOT + _DOT_DOT:
        kept.append("")
    return "/" + "/".join(kept)


def safe_query(query: str) -> str:
    return query if _PLAIN_QUERY.fullmatch(query) else quote(query, safe="!$&'()*+,;=:@%/?|[]{}^`\\~")
