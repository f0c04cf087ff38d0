"""The answer of last resort, as it is written in a target's document."""

import json
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from .fields import TOKEN

LARGEST = 256 * 1024


class StaticAnswer(serializers.JSONField):
    """{"status": 200, "content_type": "application/json", "body": …}; a value without `body` is the body itself."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        answer = data if isinstance(data, dict) and "body" in data else {"body": data}
        unknown = set(answer) - {"status", "content_type", "body"}
        if unknown:
            raise serializers.ValidationError(
                {name: [ErrorDetail("There is no such field.", "unknown_field")] for name in sorted(unknown)}
            )
        status, body = answer.get("status", 200), answer["body"]
        kind = answer.get("content_type", "text/plain; charset=utf-8" if isinstance(body, str) else "application/json")
        if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
            raise serializers.ValidationError({"status": ["Use an HTTP status from 200 to 599."]})
        if not isinstance(kind, str) or not _media_type(kind):
            raise serializers.ValidationError({"content_type": ["Use a media type, such as application/json."]})
        if len(json.dumps(body)) > LARGEST:
            raise serializers.ValidationError({"body": [f"A static answer has at most {LARGEST // 1024} KiB."]})
        return {"status": status, "content_type": kind, "body": body}


def _media_type(text: str) -> bool:
    major, slash, minor = text.partition(";")[0].strip().partition("/")
    return bool(slash and TOKEN.match(major) and TOKEN.match(minor) and text.isascii() and text.isprintable())
