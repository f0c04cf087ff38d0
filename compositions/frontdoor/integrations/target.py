"""Passes a request through to a downstream target, by the guard."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any

from breakers.guard.messages import Answer, Request
from compositions.engine.flow import Flow

from ..matching import Template, TemplateError, parse_template

if TYPE_CHECKING:
    from . import Arrival


class PassThrough:
    """`{"target": slug, "path": template}`; without a path the request's own is kept, byte for byte."""

    __slots__ = ("path", "target")

    def __init__(self, target: str, path: Template | None) -> None:
        self.target, self.path = target, path

    @classmethod
    def parse(cls, block: Mapping[str, Any], route: Template) -> PassThrough:
        path = parse_template(block["path"]) if block.get("path") else None
        if path is not None and (unknown := sorted(set(path.names) - set(route.names))):
            raise TemplateError(f"integration.path uses {', '.join(unknown)}, which the route's path does not have.")
        return cls(block["target"], path)

    def answer(self, flow: Flow, arrival: Arrival, parameters: Mapping[str, str]) -> Awaitable[Answer]:
        # Not itself a coroutine: each one more in the chain is resumed at every step of every call.
        path = arrival.path if self.path is None else self.path.fill(parameters)
        request = Request(arrival.method, path, arrival.query, arrival.headers, arrival.body, arrival.private)
        return flow.guard.call(self.target, request)
