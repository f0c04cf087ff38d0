"""What the OpenAPI document says of every configurable noun."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view

IF_MATCH = OpenApiParameter(
    "If-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, description="Act only on this revision (ETag); else 412."
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, description='"*": only when it does not exist yet.'
)
SEEN = OpenApiParameter(
    "If-None-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, description="ETag that you have; 304 when unchanged."
)
REASON = OpenApiParameter("X-Reason", OpenApiTypes.STR, OpenApiParameter.HEADER, description="Why; kept in the audit.")
PROBLEM = {"$ref": "#/components/schemas/Problem"}


def noun(plural: str, shape: Any, *, one: str) -> Callable[[type], type]:
    """A class decorator for a NounViewSet whose documents have `shape`."""
    tags = [plural]

    def described(summary: str, parameters: list[OpenApiParameter], responses: dict[int, Any], **rest: Any) -> Any:
        return extend_schema(tags=tags, summary=summary, parameters=parameters, responses=responses, **rest)

    nothing = OpenApiResponse(description="Done; no body.")
    return extend_schema_view(
        list=described(f"All {plural}", [], {200: shape(many=True)}),
        retrieve=described(f"One {one}", [SEEN], {200: shape, 304: OpenApiResponse(description="Unchanged.")}),
        update=described(
            f"Make a {one} what the body says",
            [IF_MATCH, IF_NONE_MATCH, REASON],
            {200: shape, 201: shape},
            request=shape,
        ),
        partial_update=described(
            f"Change parts of a {one} (RFC 7396: null goes back to the default)",
            [IF_MATCH, REASON],
            {200: shape},
            request=shape(partial=True),
        ),
        destroy=described(f"Delete a {one}", [IF_MATCH, REASON], {204: nothing}),
    )
