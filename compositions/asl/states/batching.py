"""ItemBatcher: items of a Map put together, by number and by size, with the input they share."""

from collections.abc import Mapping
from typing import Any

from compositions.asl import errors
from compositions.asl.dataflow import Field
from compositions.asl.errors import StatesError
from compositions.asl.frames import Frame
from compositions.asl.jsonata import Given
from compositions.asl.jsonata import compile_template as compile_dynamic
from compositions.asl.templates import compile_template
from compositions.asl.values import Json, size, text


class Batcher:
    __slots__ = ("_bytes", "_input", "_is_jsonata", "_items")

    def __init__(self, batcher: Mapping[str, Json], is_jsonata: bool) -> None:
        self._is_jsonata = is_jsonata
        self._items = Field(batcher, "MaxItemsPerBatch", is_jsonata, "ItemBatcher/MaxItemsPerBatch")
        self._bytes = Field(batcher, "MaxInputBytesPerBatch", is_jsonata, "ItemBatcher/MaxInputBytesPerBatch")
        given = batcher.get("BatchInput")
        self._input: Any = None
        if given is not None:
            self._input = compile_dynamic(given, "ItemBatcher/BatchInput") if is_jsonata else compile_template(given)

    async def batches(self, frame: Frame, raw: Json, taken: Json, items: list[Json]) -> list[Json]:
        most = await self._limit(frame, raw, taken, self._items, len(items) or 1)
        limit = frame.run.limits.payload
        room = min(await self._limit(frame, raw, taken, self._bytes, limit), limit)
        shared: dict[str, Json] = {}
        if self._input is not None:
            given = Given(frame, input=raw)
            shared["BatchInput"] = (
                await self._input.value(given) if self._is_jsonata else self._input.fill(taken, frame)
            )
        empty = size({**shared, "Items": []})
        made: list[list[Json]] = []
        used = 0
        for index, item in enumerate(items):
            length = size(item)
            if empty + length > limit:
                raise StatesError(
                    errors.DATA_LIMIT_EXCEEDED, f"The item at index {index} is larger than a batch may be."
                )
            if not made or len(made[-1]) >= most or used + 1 + length > room:
                made.append([])
                used = empty - 1
            made[-1].append(item)
            used += 1 + length
        return [{**shared, "Items": batch} for batch in made]

    async def _limit(self, frame: Frame, raw: Json, taken: Json, field: Field, otherwise: int) -> int:
        if not field.is_given:
            return otherwise
        value = await field.value(frame, raw, taken, "integer")
        try:
            number = int(value)
        except (TypeError, ValueError):
            number = 0
        if number <= 0:
            raise errors.runtime(f"{field.name} must be a positive integer, not {text(value)}")
        return number
