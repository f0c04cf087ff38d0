"""A place where a long JSONata expression can be stopped: one warm child process, killed when its time is up.

The child reads a line of JSON with an expression and its bindings and answers with a line; regular expressions that
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

from compositions.asl.jsonata.computing import BudgetSpent, EvaluationFailed, Undefined, compute
from compositions.asl.jsonata.parsing import compile_expression
from compositions.asl.jsonata.results import Unsupported
from compositions.asl.values import Json, text

_LONGEST_LINE: Final = 64 * 1024 * 1024
_MEMORY: Final = 1024 * 1024 * 1024
_STEPS: Final = 1 << 62  # time is the budget here, not steps
_WARM_UP_SECONDS: Final = 30.0


class Sandbox:
    """`evaluate` is made for the port of the same name. Use it in `async with`, or call `close`.

    One expression runs at a time; others wait for their turn, which is not counted against their time.
    """

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._child: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> "Sandbox":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def evaluate(self, expression: str, given: Mapping[str, Json], *, now_ms: int = 0, seed: float = 0.0) -> Json:
        """The value. Raises EvaluationFailed, Undefined or Unsupported; BudgetSpent when the time is up."""
        asked = text({"expression": expression, "given": given, "now_ms": now_ms, "seed": seed}).encode() + b"\n"
        async with self._turn:
            answer = await self._asked(asked)
        if "value" in answer:
            return answer["value"]
        if "undefined" in answer:
            raise Undefined
        if "unsupported" in answer:
            raise Unsupported
        raise EvaluationFailed(answer["failed"])

    async def _asked(self, line: bytes) -> dict[str, Any]:
        child = await self._warm()
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            async with asyncio.timeout(self._seconds):
                child.stdin.write(line)
                await child.stdin.drain()
                answer = await child.stdout.readline()
        except TimeoutError:
            await self.close()
            raise BudgetSpent(f"The expression took longer than {self._seconds:g} seconds.") from None
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
        except BaseException:  # cancelled: what the child is at is nobody's any more
            await self.close()
            raise
        if not answer:
            await self.close()
            raise BudgetSpent("The expression needs more memory than it may have.")
        found: dict[str, Any] = json.loads(answer)
        return found

    async def _warm(self) -> asyncio.subprocess.Process:
        if self._child is None or self._child.returncode is not None:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                f"import sys; sys.path[:0] = {[p for p in sys.path if p]!r}; "
                "from compositions.asl.jsonata.sandbox import serve; serve()",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LONGEST_LINE,
            )
            assert self._child.stdout is not None
            try:
                async with asyncio.timeout(_WARM_UP_SECONDS):
                    await self._child.stdout.readline()
            except BaseException:
                await self.close()
                raise
        return self._child

    async def close(self) -> None:
        """Kill the child, if there is one; the next expression gets a new one."""
        child, self._child = self._child, None
        if child is not None:
            if child.returncode is None:
                child.kill()
            await child.wait()


def serve() -> None:
    """The child: answers line by line until its input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        print(text(_answer(json.loads(line))), flush=True)  # noqa: T201


def _answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    draw = random.Random(asked["seed"]).random
    try:
        compiled = compile_expression(asked["expression"])
        return {"value": compute(compiled, asked["given"], lambda: asked["now_ms"], draw, _STEPS)}
    except Undefined:
        return {"undefined": True}
    except Unsupported:
        return {"unsupported": True}
    except EvaluationFailed as failure:
        return {"failed": str(failure)}
