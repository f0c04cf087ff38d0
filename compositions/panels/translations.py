"""Compositions that translate: one task, with expressions on both sides of it (an anti-corruption layer); pure."""

from collections.abc import Mapping

from compositions.asl.values import Json


def translating(definition: Json) -> tuple[str, Mapping[str, Json]] | None:
    """(name, state) of the one Task of a JSONata machine that makes its request and its output; None for others."""
    states = definition.get("States") if isinstance(definition, dict) else None
    if not isinstance(states, dict):
        return None
    tasks = [(str(name), raw) for name, raw in states.items() if isinstance(raw, dict) and raw.get("Type") == "Task"]
    others = [raw for raw in states.values() if isinstance(raw, dict) and raw.get("Type") in ("Parallel", "Map")]
    if len(tasks) != 1 or others or definition.get("StartAt") != tasks[0][0]:
        return None
    name, raw = tasks[0]
    language = raw.get("QueryLanguage", definition.get("QueryLanguage"))
    return (name, raw) if language == "JSONata" and "Arguments" in raw and "Output" in raw else None


def translates(definition: Json) -> bool:
    return translating(definition) is not None
