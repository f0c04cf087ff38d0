"""Parallel: every branch gets the same input; the result is the list of their outputs, in order."""

from collections.abc import Coroutine, Mapping
from typing import Any

from compositions.asl import errors
from compositions.asl.dataflow import PathFlow, flow_of
from compositions.asl.errors import StatesError
from compositions.asl.frames import Frame
from compositions.asl.guarded import Guarded
from compositions.asl.limits import ROOM, Gathering
from compositions.asl.siblings import Start, run_all, run_in_turn
from compositions.asl.states.compiling import Compiling
from compositions.asl.values import Json

_DECIDED = "branches"


class Parallel(Guarded):
    __slots__ = ("_branches", "_together")

    def __init__(self, state: Mapping[str, Json], compiling: Compiling) -> None:
        super().__init__(state, flow_of(state, compiling.is_jsonata), compiling.reads_context)
        self._branches = tuple(
            compiling.workflow(branch, f"Branches/{i}") for i, branch in enumerate(state["Branches"])
        )
        self._together = any(branch.waits for branch in self._branches)
        self.waits = self._together or bool(self.retriers)

    async def attempt(self, frame: Frame, raw: Json) -> Json:
        flow, taken = self.flow, self.flow.take(frame, raw)
        if isinstance(flow, PathFlow):
            return flow.left(frame, raw, await self._results(frame, flow.filled(frame, taken)))
        given = await flow.arguments(frame, raw, taken)
        return await flow.leave(frame, raw, await self._results(frame, given))

    async def _results(self, frame: Frame, given: Json) -> list[Json]:
        earlier = frame.decided(_DECIDED)
        if earlier is not None:
            return earlier
        frame.run.events += 1

        count = len(self._branches)
        # As many as have room whatever they answer, for each is a payload at the most, are not weighed.
        gathering = Gathering(frame.state, frame.run.limits) if count > ROOM else None

        def branch(index: int) -> Coroutine[Any, Any, Json]:
            ends = self._branches[index].run(frame.inner("branch", index, frame.variables, frame.item), given)
            return ends if gathering is None else _gathered(ends, gathering)

        try:
            if self._together:
                results = await run_all([branch(index) for index in range(count)])
            else:
                results = await run_in_turn(branch, count)
        except StatesError as error:
            error.also = (*error.also, errors.BRANCH_FAILED)
            await frame.decide(_DECIDED, error)
            raise
        frame.run.events += 1
        await frame.decide(_DECIDED, results)
        return results


async def _gathered(ends: Coroutine[Any, Any, Json], gathering: Gathering) -> Json:
    return gathering.add(await ends)


def weighed(branch: Start, gathering: Gathering) -> Start:
    async def run(index: int) -> Json:
        return gathering.add(await branch(index))

    return run
