"""Map: the same workflow for every item of an array, so many at a time; some of them may be allowed to fail."""

from collections.abc import Mapping
from typing import Any, Final

from compositions.asl import errors
from compositions.asl.dataflow import Field, flow_of
from compositions.asl.errors import StatesError
from compositions.asl.frames import Frame, Scene
from compositions.asl.guarded import Guarded
from compositions.asl.jsonata import Given
from compositions.asl.jsonata import compile_template as compile_dynamic
from compositions.asl.limits import Gathering
from compositions.asl.siblings import run_in_turn, run_together
from compositions.asl.states.batching import Batcher
from compositions.asl.states.compiling import Compiling
from compositions.asl.states.items import Item, Items
from compositions.asl.states.writing import Writer
from compositions.asl.templates import compile_template
from compositions.asl.values import Json, is_number, text

_DECIDED: Final = "items"


class Map(Guarded):
    __slots__ = (
        "_batcher", "_concurrency", "_count", "_is_distributed", "_items", "_percentage", "_selector", "_workflow",
        "_writer", "name",
    )  # fmt: skip

    def __init__(self, state: Mapping[str, Json], compiling: Compiling) -> None:
        # Parameters, the old name of ItemSelector, makes the items' inputs and not the Map's.
        is_jsonata = compiling.is_jsonata
        super().__init__(state, flow_of(state, is_jsonata, parameters=""), compiling.reads_context)
        self.name = compiling.name
        part = "ItemProcessor" if "ItemProcessor" in state else "Iterator"
        processor = state[part]
        self._workflow = compiling.workflow(processor, part)
        self._is_distributed = processor.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED"
        selector = state.get("ItemSelector", None if is_jsonata else state.get("Parameters"))
        self._selector: Any = None
        if selector is not None:
            self._selector = compile_dynamic(selector, "ItemSelector") if is_jsonata else compile_template(selector)
        self._items = Items(state, is_jsonata)
        self._batcher = Batcher(state["ItemBatcher"], is_jsonata) if "ItemBatcher" in state else None
        self._writer = Writer(state["ResultWriter"], is_jsonata) if "ResultWriter" in state else None
        self._concurrency = Field(state, "MaxConcurrency", is_jsonata)
        self._count = Field(state, "ToleratedFailureCount", is_jsonata)
        self._percentage = Field(state, "ToleratedFailurePercentage", is_jsonata)
        self.waits = self._workflow.waits or bool(self.retriers) or "ItemReader" in state or self._writer is not None

    async def attempt(self, frame: Frame, raw: Json) -> Json:
        taken = self.flow.take(frame, raw)
        at_once = await self._at_once(frame, raw, taken)
        items = await self._items.given(frame, raw, taken)
        tolerated = await self._tolerated(frame, raw, taken, len(items))
        results = await self._results(frame, raw, taken, items, at_once, tolerated)
        if self._writer is not None:
            results = await self._writer.written(frame, self.name, raw, taken, results)
        return await self.flow.leave(frame, raw, results)

    async def _results(
        self, frame: Frame, raw: Json, taken: Json, items: list[Item], at_once: int, tolerated: float | None
    ) -> Json:
        earlier = frame.decided(_DECIDED)
        if earlier is not None:
            return earlier
        frame.run.events += 1
        try:
            results = await self._children(frame, raw, taken, items, at_once, tolerated)
        except StatesError as error:
            error.at(frame.state, frame.event)
            await frame.decide(_DECIDED, error)
            raise
        frame.run.events += 1
        await frame.decide(_DECIDED, results)
        return results

    async def _children(
        self, frame: Frame, raw: Json, taken: Json, items: list[Item], at_once: int, tolerated: float | None
    ) -> list[Json]:
        batches = None
        if self._batcher is not None:
            selected = [await self._input(frame, raw, taken, i, item) for i, item in enumerate(items)]
            batches = await self._batcher.batches(frame, raw, taken, selected)
        variables: Mapping[str, Json] = {} if self._is_distributed else frame.variables
        gathering = Gathering(frame.state, frame.run.limits)
        begun: set[int] = set()
        failed: dict[int, int] = {}

        async def child(index: int) -> Json:
            if batches is None:
                item: Item | None = items[index]
                value = await self._input(frame, raw, taken, index, items[index])
            else:
                item, value = None, batches[index]
            begun.add(index)
            frame.run.events += 1
            output = await self._workflow.run(frame.inner("item", index, variables, item or frame.item), value)
            frame.run.events += 1
            return gathering.add(output)

        def tolerate(index: int, error: StatesError) -> bool:
            if tolerated is None or index not in begun or gathering.is_over or frame.run.is_over:
                return False
            if error.error == errors.RUNTIME and not self._is_distributed:
                return False
            failed[index] = 1 if batches is None else len(batches[index]["Items"])
            if sum(failed.values()) > tolerated:
                raise StatesError(
                    errors.EXCEED_TOLERATED_FAILURE_THRESHOLD,
                    "The specified tolerated failure threshold was exceeded",
                    told=True,
                )
            return True

        count = len(items) if batches is None else len(batches)
        if self._workflow.waits:
            outputs = await run_together(child, count, at_once, tolerate)
        else:
            outputs = await run_in_turn(child, count, tolerate)
        if failed:  # told even where nothing is recorded, as a Catch is
            await frame.run.ports.record(frame.place("tolerated"), {"failed": sorted(failed)})
        return [output for index, output in enumerate(outputs) if index not in failed] if failed else outputs

    async def _input(self, frame: Frame, raw: Json, taken: Json, index: int, item: Item) -> Json:
        if self._selector is None:
            return item["Value"]
        scene = Scene.of(frame, index, item)
        try:
            if self.flow.is_jsonata:
                return await self._selector.value(Given(scene, input=raw))
            return self._selector.fill(taken, scene)
        except StatesError as error:
            raise error.at(frame.state, frame.event) from None

    async def _at_once(self, frame: Frame, raw: Json, taken: Json) -> int:
        limits = frame.run.limits
        most = limits.distributed_concurrency if self._is_distributed else limits.map_concurrency
        if not self._concurrency.is_given:
            return most
        wanted = self._whole(self._concurrency, await self._concurrency.value(frame, raw, taken, "integer"))
        return min(wanted, most) if wanted else most

    async def _tolerated(self, frame: Frame, raw: Json, taken: Json, count: int) -> float | None:
        """How many items may fail; None: the first failure is the Map's own."""
        if not self._count.is_given and not self._percentage.is_given:
            return 0.0 if self._is_distributed else None
        tolerated = float("inf")
        if self._count.is_given:
            tolerated = float(self._whole(self._count, await self._count.value(frame, raw, taken, "integer")))
        if self._percentage.is_given:
            percentage = await self._percentage.value(frame, raw, taken, "number")
            share = _number(percentage)
            if share is None:
                raise self._refused(self._percentage, percentage, "float")
            if not 0 <= share <= 100:
                raise errors.runtime("ToleratedFailurePercentage must be between 0 and 100.")
            tolerated = min(tolerated, count * share / 100)
        return tolerated

    def _whole(self, field: Field, value: Json) -> int:
        number = _number(value)
        if number is None or number != int(number):
            raise self._refused(field, value, "integer")
        if number < 0:
            raise errors.runtime(f"{field.name} must be a non-negative integer.")
        return int(number)

    def _refused(self, field: Field, value: Json, kind: str) -> StatesError:
        shown = value if isinstance(value, str) else text(value)
        if field.path is None:
            return StatesError(
                errors.QUERY_EVALUATION_ERROR if self.flow.is_jsonata else errors.RUNTIME,
                f'The {field.name} field has the value "{shown}" which is not a valid {kind}',
            )
        return errors.runtime(
            f'The {field.name}Path field refers to value "{shown}" which is not a valid {kind}: {field.path}'
        )


def _number(value: Json) -> float | None:
    """A number, also one written in a string, as the ...Path fields take it."""
    if is_number(value):
        return float(value)
    try:
        return float(value) if isinstance(value, str) and value[-1:].isdigit() else None
    except ValueError:
        return None
