"""Items out of the data that an ItemReader's port gave: JSON, JSON lines or CSV."""

import csv
import io
import json
from collections.abc import Mapping
from typing import Final

from compositions.asl.values import Json, opened

_DELIMITERS: Final = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}


def read(data: Json, config: Mapping[str, Json]) -> list[Json] | dict[str, Json]:
    """An array, or an object whose members are the items. Raises ValueError with the cause."""
    if isinstance(data, bytes):
        data = data.decode("utf-8-sig", "replace")
    if isinstance(data, str):
        kind = config.get("InputType", "JSON")
        if kind == "CSV":
            return _rows(data, config)
        if kind == "JSONL":
            return [json.loads(line) for line in data.splitlines() if line.strip()]
        data = json.loads(data)
    data = _pointed(data, config.get("ItemsPointer"))
    if not isinstance(data, list | dict):
        raise ValueError("Attempting to map over non-iterable node.")
    return data


def _rows(data: str, config: Mapping[str, Json]) -> list[Json]:
    rows = list(csv.reader(io.StringIO(data), delimiter=_DELIMITERS[config.get("CSVDelimiter", "COMMA")]))
    if config.get("CSVHeaderLocation") == "GIVEN":
        headers = list(config.get("CSVHeaders", ()))
    else:
        headers, rows = (rows[0], rows[1:]) if rows else ([], [])
    if len(set(headers)) != len(headers):
        raise ValueError("CSV headers cannot contain duplicates.")
    return [{header: row[i] if i < len(row) else "" for i, header in enumerate(headers)} for row in rows]


def _pointed(data: Json, pointer: Json) -> Json:
    for step in pointer.split("/")[1:] if isinstance(pointer, str) and pointer else ():
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(data, dict) and name in data:
            data = opened(data[name])
        elif isinstance(data, list) and name.isdigit() and int(name) < len(data):
            data = opened(data[int(name)])
        else:
            raise ValueError(
                "The provided ReaderConfig.ItemsPointer does not match any valid path in the JSON structure."
            )
    return data
