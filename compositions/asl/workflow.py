"""A workflow: states and where they begin; the machine itself, a branch, or what a Map does with each item.

`run` is the loop of the interpreter: enter a state, let it work, check its output, go on to where it points.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

from compositions.asl import errors
from compositions.asl.errors import StatesError
from compositions.asl.frames import Frame
from compositions.asl.limits import PAGE, check_payload
from compositions.asl.ports import Checkpoint
from compositions.asl.values import Json

_TURN: Final = 256  # states, or pages of data


class State(Protocol):
    """A compiled state. `waits` tells whether it may wait for the outside (a call, a timer)."""

    waits: bool
    shows_retries: bool
    notes_entry: bool

    async def run(self, frame: Frame, raw: Json) -> tuple[str | None, Json]:
        """Where to go on (None: here is the end) and the output."""
        ...


class Workflow:
    __slots__ = ("start", "states", "waits")

    def __init__(self, start: str, states: Mapping[str, State]) -> None:
        self.start = start
        self.states = states
        self.waits = any(state.waits for state in states.values())

    async def run(self, frame: Frame, value: Json, resume: Checkpoint | None = None) -> Json:
        run, states = frame.run, self.states
        limits, records = run.limits, run.ports.records
        name: str | None = self.start
        if resume is not None:
            name, value = resume.state, resume.value
            frame.stand_at(resume)
        while name is not None:
            state = states[name]
            if records and not frame.path and resume is None:
                await run.ports.checkpoint(frame.checkpoint(name, value))
            resume = None
            run.states += 1
            if run.states > limits.states:
                raise StatesError(
                    errors.RUNTIME, f"The execution reached the maximum number of states ({limits.states}).", told=True
                )
            run.spent += 1
            if run.spent >= _TURN:
                run.spent = 0
                await asyncio.sleep(0)  # not a wait: others have their turn
            frame.enter(name)
            frame.shows_retries = state.shows_retries
            if state.notes_entry:
                frame.entered_at()
            if records:
                await frame.record_entry(value)
            try:
                following, output = await state.run(frame, value)
                if output is not value:
                    run.spent += check_payload(output, name, limits.payload) // PAGE
            except (StatesError, RecursionError) as raised:
                error = raised if isinstance(raised, StatesError) else errors.runtime("The data is nested too deeply.")
                error.at(name, frame.event)
                if records:
                    await frame.record("failed", error=error.error, cause=error.cause)
                raise error from raised.__cause__
            run.events += 1
            if records:
                await frame.record("exited", output=output, next=following)
            name, value = following, output
        return value
