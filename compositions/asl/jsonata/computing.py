"""One evaluation of a compiled expression by the library, with a budget of steps; pure, so that it may run anywhere."""

from collections.abc import Mapping
from typing import Any, Final

from jsonata.jexception import JException

from compositions.asl.jsonata.functions import Clock, Draw, bindings
from compositions.asl.jsonata.parsing import Compiled
from compositions.asl.jsonata.results import MOST_ITEMS, TooLarge, Unsupported, bound, plain
from compositions.asl.values import Json

_LONGEST: Final = 1024 * 1024
_MOST_BITS: Final = 4096


class EvaluationFailed(Exception):
    """The expression threw an error; the message is the library's."""


class Undefined(Exception):
    """The expression has no result."""


class BudgetSpent(EvaluationFailed):
    """The expression took more steps, or made greater values, than it may."""


class Budget:
    """The steps that an expression may still take."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps

    def enter(self, _expression: Any, _input: Any, _frame: Any) -> None:
        self.left -= 1
        if self.left < 0:
            raise BudgetSpent("The expression takes too many steps.")

    def leave(self, _expression: Any, _input: Any, _frame: Any, result: Any) -> None:
        kind = type(result)
        if kind is str:
            if len(result) > _LONGEST:
                raise BudgetSpent("The expression makes a text that is too long.")
        elif kind is int:
            if result.bit_length() > _MOST_BITS:
                raise BudgetSpent("The expression makes a number that is too large.")
        elif isinstance(result, list) and len(result) > MOST_ITEMS:
            raise BudgetSpent("The expression makes a list that is too long.")


def compute(compiled: Compiled, given: Mapping[str, Json], clock: Clock, draw: Draw, budget: Budget) -> Json:
    """The value; `given` binds variables by name. Raises EvaluationFailed, Undefined, BudgetSpent or Unsupported."""
    frame: dict[str, Any] = bindings(compiled.names, clock, draw)
    for name, value in given.items():
        frame[name] = bound(value)
    frame["__evaluate_entry"] = budget.enter
    frame["__evaluate_exit"] = budget.leave
    try:
        result = compiled.program.evaluate(None, frame)
        if result is None:
            raise Undefined
        return plain(result)
    except (Undefined, EvaluationFailed, Unsupported):
        raise
    except TooLarge:
        raise BudgetSpent("The expression makes a value that is too large.") from None
    except JException as error:
        raise EvaluationFailed(str(error)) from None
    except RecursionError:
        raise EvaluationFailed("Stack overflow: the expression calls itself too deeply.") from None
    except MemoryError:
        raise BudgetSpent("The expression needs too much memory.") from None
    except Exception as error:  # the library's own faults are errors of the expression, never of the run's host
        raise EvaluationFailed(f"{type(error).__name__}: {error}") from None
