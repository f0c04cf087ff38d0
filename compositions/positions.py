"""Where in a definition's text the values stand that problems and diagrams name by path; pure."""

from collections.abc import Iterator

from compositions.asl.validate.problems import Parts, written
from compositions.asl.validate.text import Places, TextError, TooDeep, read
from compositions.asl.values import Json


class Positions:
    """Lines and columns, from 1, by path as AWS writes it: `/States/Ask/Choices[0]/Next`."""

    def __init__(self, text: str) -> None:
        self._places: Places | None = None
        self._parts: dict[str, Parts] = {}
        try:
            value, _ = read(text)
        except (TextError, TooDeep):
            return
        self._places = Places(text)
        self._parts = {written(parts): parts for parts in _every(value)}

    def find(self, path: str) -> tuple[int, int] | None:
        """Of the value, of its name where it has one; of what is around it where there is none. None: text is not JSON.

        A path that the text does not have is sought without its last steps.
        """
        if self._places is None:
            return None
        while path not in self._parts and len(path) > 1:
            path = path[: max(path.rfind("/"), path.rfind("["), 1)]
        return self._places.find(self._parts.get(path, ()), by_name=True)


def _every(value: Json) -> Iterator[Parts]:
    waiting: list[tuple[Parts, Json]] = [((), value)]
    while waiting:
        parts, value = waiting.pop()
        yield parts
        if isinstance(value, dict):
            waiting.extend(((*parts, name), inner) for name, inner in value.items())
        elif isinstance(value, list):
            waiting.extend(((*parts, index), inner) for index, inner in enumerate(value))
