"""Parallel: every branch gets the same input; the result is the list of their outputs, in order."""

from collections.abc import Mapping

from compositions.asl import errors
from compositions.asl.dataflow import flow_of
from compositions.asl.errors import StatesError
from compositions.asl.frames import Frame
from compositions.asl.guarded import Guarded
from compositions.asl.limits import Gathering
from compositions.asl.siblings import run_in_turn, run_together
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
        given = await self.flow.arguments(frame, raw, self.flow.take(frame, raw))
        return await self.flow.leave(frame, raw, await self._results(frame, given))

    async def _results(self, frame: Frame, given: Json) -> list[Json]:
        earlier = frame.decided(_DECIDED)
        if earlier is not None:
            return earlier
        frame.run.events += 1

        gathering = Gathering(frame.state, frame.run.limits)

        async def branch(index: int) -> Json:
            inner = frame.inner("branch", index, frame.variables, frame.item)
            return gathering.add(await self._branches[index].run(inner, given))

        count = len(self._branches)
        try:
            results = await (run_together(branch, count, count) if self._together else run_in_turn(branch, count))
        except StatesError as error:
            error.also = (*error.also, errors.BRANCH_FAILED)
            await frame.decide(_DECIDED, error)
            raise
        frame.run.events += 1
        await frame.decide(_DECIDED, results)
        return results
