"""Starting points of new rules: name of the link -> what it says, and the form as it opens."""

from typing import Any

STARTS: dict[str, tuple[str, dict[str, Any]]] = {
    "address": (
        "Limit one address",
        {
            "slug": "one-address",
            "title": "Too many requests of one address",
            "rate": {"limit": 1000, "window_s": 300, "keys": ["forwarded_ip"]},
        },
    ),
    "network": (
        "Block a network",
        {
            "slug": "blocked-network",
            "title": "A network that is not wanted",
            "action": "block",
            "rows": [{"group": "1", "field": "forwarded_ip", "operator": "is"}],
        },
    ),
    "path": (
        "Challenge a path",
        {
            "slug": "challenged-path",
            "title": "Only for people",
            "action": "challenge",
            "rows": [{"group": "1", "field": "path", "operator": "starts"}],
        },
    ),
    "bodies": (
        "Count large bodies",
        {
            "slug": "large-bodies",
            "title": "Large bodies",
            "rows": [{"group": "1", "field": "body_size", "operator": "over", "values": "1048576"}],
        },
    ),
}
