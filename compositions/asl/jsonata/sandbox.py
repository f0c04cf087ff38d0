"""A place where a long JSONata expression can be stopped: a few warm child processes, killed when their time is up.

A child reads a line of JSON with an expression and its bindings and answers with a line; regular expressions that
backtrack for ever and loops without end cost their caller `seconds` and never the event loop.
"""

import asyncio
import json
import random
import resource
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

from compositions.asl.jsonata.computing import Budget, BudgetSpent, EvaluationFailed, Undefined, compute
from compositions.asl.jsonata.parsing import compile_expression
from compositions.asl.jsonata.results import Unsupported
from compositions.asl.values import Json, parsed, text

_LONGEST_ANSWER: Final = 8 * 1024 * 1024
_MEMORY: Final = 1024 * 1024 * 1024
_STEPS: Final = 1 << 62  # time is the budget here, not steps
_WARM_UP_SECONDS: Final = 30.0
_SLOW: Final = 0.1  # of the time an expression may take
_MOST_KNOWN: Final = 10_000


class Sandbox:
    """`evaluate` is made for the port of the same name. Use it in `async with`, or call `close`.

    As many expressions run at a time as there are children; others wait for their turn, which is not counted against
    their time. Expressions that were found slow share one child among them, so that the others never queue behind
    those, however many runs bring them.
    """

    def __init__(self, seconds: float = 1.0, children: int = 2) -> None:
        self._seconds = seconds
        self._idle = [_Child() for _ in range(children)]
        self._children = tuple(self._idle)
        self._turns = asyncio.Semaphore(children)
        self._slow_turn = asyncio.Lock()
        self._slow: dict[str, None] = {}

    async def __aenter__(self) -> "Sandbox":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Kill the children there are; the next expression gets a new one."""
        for child in self._children:
            await child.close()

    async def evaluate(self, expression: str, given: Mapping[str, Json], *, now_ms: int = 0, seed: float = 0.0) -> Json:
        """The value. Raises EvaluationFailed, Undefined or Unsupported; BudgetSpent when the time is up."""
        asked = text({"expression": expression, "given": given, "now_ms": now_ms, "seed": seed}).encode() + b"\n"
        if expression in self._slow:
            async with self._slow_turn:
                answer = await self._in_turn(expression, asked)
        else:
            answer = await self._in_turn(expression, asked)
        if "value" in answer:
            return answer["value"]
        if "undefined" in answer:
            raise Undefined
        if "unsupported" in answer:
            raise Unsupported
        raise EvaluationFailed(answer["failed"])

    async def _in_turn(self, expression: str, asked: bytes) -> dict[str, Any]:
        async with self._turns:
            child = self._idle.pop()
            try:
                await child.warm()
                began = asyncio.get_running_loop().time()
                try:
                    return await child.answer(asked, self._seconds)
                finally:
                    if asyncio.get_running_loop().time() - began > self._seconds * _SLOW:
                        self._note_slow(expression)
            finally:
                self._idle.append(child)

    def _note_slow(self, expression: str) -> None:
        if len(self._slow) >= _MOST_KNOWN:
            del self._slow[next(iter(self._slow))]
        self._slow[expression] = None


class _Child:
    """One child process: started when it is first needed, and again after it had to be killed."""

    __slots__ = ("_process",)

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def answer(self, line: bytes, seconds: float) -> dict[str, Any]:
        child = self._process
        assert child is not None
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                child.stdin.write(line)
                await child.stdin.drain()
                answer = await child.stdout.readline()
        except TimeoutError:
            await self.close()
            raise BudgetSpent(f"The expression took longer than {seconds:g} seconds.") from None
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
        except BaseException:  # cancelled: what the child is at is nobody's any more
            await self.close()
            raise
        if not answer:
            await self.close()
            raise BudgetSpent("The expression needs more memory than it may have.")
        found: dict[str, Any] = parsed(answer)
        return found

    async def warm(self) -> None:
        if self._process is not None and self._process.returncode is None:
            return
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            f"import sys; sys.path[:0] = {[p for p in sys.path if p]!r}; "
            "from compositions.asl.jsonata.sandbox import serve; serve()",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2 * _LONGEST_ANSWER,
        )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_WARM_UP_SECONDS):
                await self._process.stdout.readline()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        child, self._process = self._process, None
        if child is not None:
            if child.returncode is None:
                child.kill()
            await child.wait()


def serve() -> None:
    """The child: answers line by line until its input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        answer = text(_answer(json.loads(line)))
        if len(answer) > _LONGEST_ANSWER:
            answer = text({"failed": "The expression makes a value that is too large."})
        print(answer, flush=True)  # noqa: T201


def _answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    draw = random.Random(asked["seed"]).random
    try:
        compiled = compile_expression(asked["expression"])
        return {"value": compute(compiled, asked["given"], lambda: asked["now_ms"], draw, Budget(_STEPS))}
    except Undefined:
        return {"undefined": True}
    except Unsupported:
        return {"unsupported": True}
    except EvaluationFailed as failure:
        return {"failed": str(failure)}
