"""Intrinsic functions: calls compiled once, evaluated against a state's input."""

from typing import Protocol

from compositions.asl import errors
from compositions.asl.errors import StatesError
from compositions.asl.intrinsics.functions import FUNCTIONS, Function, Refused, formatted
from compositions.asl.intrinsics.parsing import Call, IntrinsicError, Literal, parse_call
from compositions.asl.paths import Missing, Path
from compositions.asl.paths.reading import Surroundings
from compositions.asl.values import Json, exceeds, opened, text

__all__ = ["FUNCTIONS", "Call", "Intrinsic", "IntrinsicError", "parse_call"]


class Drawing(Surroundings, Protocol):
    """What a call needs around it: paths, random numbers of [0, 1), and how large a value may become."""

    @property
    def most_bytes(self) -> int: ...

    def draw(self) -> float: ...


class _Nothing(Exception):
    def __init__(self, path: str) -> None:
        self.path = path


class _Applied:
    __slots__ = ("arguments", "function", "multiplies", "template")

    def __init__(self, call: Call) -> None:
        function = FUNCTIONS.get(call.name)
        if function is None:
            raise IntrinsicError(f"there is no function States.{call.name}")
        if not function.least <= len(call.arguments) <= function.most:
            wanted = str(function.least) if function.least == function.most else f"{function.least} to {function.most}"
            raise IntrinsicError(f"States.{call.name} takes {wanted} arguments, not {len(call.arguments)}")
        self.function: Function = function
        self.template: str | None = None
        given = call.arguments
        if call.name == "Format" and isinstance(given[0], Literal) and given[0].raw is not None:
            # Escaped braces are known only in the literal's own text.
            self.template, given = given[0].raw, given[1:]
        self.multiplies = call.name == "Array" and len(given) > 1
        self.arguments = tuple(_compiled(argument) for argument in given)

    def apply(self, value: Json, around: Drawing) -> Json:
        args: list[Json] = []
        for argument in self.arguments:
            if isinstance(argument, Literal):
                args.append(argument.value)
            elif isinstance(argument, Path):
                found = argument.find(value, around)
                if isinstance(found, Missing):
                    raise _Nothing(argument.text)
                args.append(opened(found))
            else:
                args.append(opened(argument.apply(value, around)))
        most = around.most_bytes
        made = self.function.apply(args, around.draw) if self.template is None else formatted(self.template, args, most)
        if len(made) > most if isinstance(made, str) else self.multiplies and exceeds(made, most):
            raise Refused(f"the value is larger than {most} bytes")
        return made


_Argument = Literal | Path | _Applied


def _compiled(argument: object) -> _Argument:
    if isinstance(argument, Literal):
        return argument
    return _Applied(argument) if isinstance(argument, Call) else Path(argument.text)  # type: ignore[attr-defined]


class Intrinsic:
    """A compiled call, `States.Format('{}', $.name)` for instance."""

    __slots__ = ("_call", "text")

    def __init__(self, call: str) -> None:
        self.text = call
        self._call = _Applied(parse_call(call))

    def evaluate(self, value: Json, around: Drawing) -> Json:
        try:
            return self._call.apply(value, around)
        except _Nothing as nothing:
            raise errors.runtime(
                f"The function '{self.text}' had the following error: The JsonPath argument for the field "
                f"'{nothing.path}' could not be found in the input '{text(value)}'"
            ) from None
        except (Refused, OverflowError, MemoryError) as refused:
            raise StatesError(
                errors.INTRINSIC_FAILURE, f"The function '{self.text}' had the following error: {refused}"
            ) from None
