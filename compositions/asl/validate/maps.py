"""The parts that only a Map has: reading items, batching them, writing results, and how items run."""

import re
from typing import Final

from compositions.asl.validate.objects import Field, Shape, array, jsonata, jsonpath
from compositions.asl.validate.problems import (
    EXPRESS,
    INVALID_LABEL_NAME,
    STANDARD,
    Site,
    shown,
)
from compositions.asl.validate.scalars import integer, one_of, or_expression, text, text_or_expression
from compositions.asl.validate.syntax import (
    is_expression,
    jsonata_string,
    jsonata_template,
    payload_template,
    reference_path,
    resource,
)
from compositions.asl.values import Json

INLINE: Final = "INLINE"
DISTRIBUTED: Final = "DISTRIBUTED"
LONGEST_LABEL: Final = 40
_FORBIDDEN_IN_LABEL: Final = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~$&,;:/`\x00-\x1f\x7f-\x9f]")


def label(site: Site, value: Json) -> None:
    if not isinstance(value, str):
        site.expected("String", value)
    elif not value:
        site.problem("Label cannot be empty. Write a name, or remove the field.", INVALID_LABEL_NAME)
    elif len(value) > LONGEST_LABEL:
        site.problem(f"Label is longer than {LONGEST_LABEL} characters. Shorten it.", INVALID_LABEL_NAME)
    elif found := _FORBIDDEN_IN_LABEL.search(value):
        site.problem(f"Label must not contain {found[0]!r}. Use letters, digits, - and _.", INVALID_LABEL_NAME)


def items(site: Site, value: Json) -> None:
    """Items: an array, an object, or an expression that gives one."""
    if isinstance(value, str) and is_expression(value):
        jsonata_string(site, value)
    elif isinstance(value, list | dict):
        jsonata_template(site, value)
    else:
        site.expected("Array", value, "Write an array, an object or a {% JSONata expression %}.")


def item_selector(site: Site, value: Json) -> None:
    if not site.is_jsonata:
        payload_template(site, value)
    elif isinstance(value, dict) or is_expression(value):
        jsonata_template(site, value)
    else:
        site.expected("Object", value, "Write an object or a {% JSONata expression %}.")


def _headers(site: Site, value: Json) -> None:
    if site.is_jsonata and is_expression(value):
        jsonata_string(site, value)
        return
    for place, name in array(site, value, least=1):
        text(place, name)


def _batch_input(site: Site, value: Json) -> None:
    (jsonata_template if site.is_jsonata else payload_template)(site, value)


READER_CONFIG: Final = Shape(
    {
        "InputType": Field(text_or_expression),
        "Transformation": Field(text_or_expression),
        "ManifestType": Field(text_or_expression),
        "CSVDelimiter": Field(text_or_expression),
        "CSVHeaderLocation": Field(one_of("FIRST_ROW", "GIVEN")),
        "CSVHeaders": Field(_headers),
        "MaxItems": Field(or_expression(integer(0, 100_000_000))),
        "MaxItemsPath": jsonpath(reference_path),
        "ItemsPointer": Field(text_or_expression),
    },
    at_most_one=(("MaxItems", "MaxItemsPath"),),
)


def _reader_config(site: Site, value: Json) -> None:
    if READER_CONFIG.check(site, value) and value.get("CSVHeaderLocation") == "GIVEN" and "CSVHeaders" not in value:
        site.problem("These fields are required: [CSVHeaders]. Add CSVHeaders, or set CSVHeaderLocation to FIRST_ROW.")


READER: Final = Shape(
    {
        "Resource": Field(resource),
        "ReaderConfig": Field(_reader_config),
        "Parameters": jsonpath(payload_template),
        "Arguments": jsonata(jsonata_template),
    },
    required=("Resource",),
)
BATCHER: Final = Shape(
    {
        "BatchInput": Field(_batch_input),
        "MaxItemsPerBatch": Field(or_expression(integer(0))),
        "MaxItemsPerBatchPath": jsonpath(reference_path),
        "MaxInputBytesPerBatch": Field(or_expression(integer(0, 262_144))),
        "MaxInputBytesPerBatchPath": jsonpath(reference_path),
    },
    at_most_one=(
        ("MaxItemsPerBatch", "MaxItemsPerBatchPath"),
        ("MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"),
    ),
)
WRITER_CONFIG: Final = Shape(
    {
        "Transformation": Field(one_of("NONE", "COMPACT", "FLATTEN")),
        "OutputType": Field(one_of("JSON", "JSONL")),
    }
)


def _writer_config(site: Site, value: Json) -> None:
    WRITER_CONFIG.check(site, value)


WRITER: Final = Shape(
    {
        "Resource": Field(resource),
        "Parameters": jsonpath(payload_template),
        "Arguments": jsonata(jsonata_template),
        "WriterConfig": Field(_writer_config),
    },
)
PROCESSOR_CONFIG: Final = Shape(
    {"Mode": Field(one_of(INLINE, DISTRIBUTED)), "ExecutionType": Field(one_of(STANDARD, EXPRESS))}
)


def item_reader(site: Site, value: Json) -> None:
    READER.check(site, value)


def item_batcher(site: Site, value: Json) -> None:
    if BATCHER.check(site, value) and not any(name.startswith("Max") for name in value):
        site.problem(
            "One of these fields is required: [MaxItemsPerBatch, MaxInputBytesPerBatch]. Say how large a batch may be."
        )


def result_writer(site: Site, value: Json) -> None:
    if WRITER.check(site, value) and not value:
        site.problem("These fields are required: [Resource]. Say where results go, or remove ResultWriter.")


def processor_config(site: Site, value: Json) -> None:
    if not PROCESSOR_CONFIG.check(site, value):
        return
    if value.get("Mode") == DISTRIBUTED:
        if "ExecutionType" not in value:
            site.problem("These fields are required: [ExecutionType]. Add ExecutionType: STANDARD or EXPRESS.")
        if site.machine_type == EXPRESS:
            site.problem(f"Express state machine does not support the {shown(DISTRIBUTED)} mode. Set Mode to INLINE.")


def child_type(site: Site, processor: Json) -> str:
    """The machine type that the states of a processor run as."""
    config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
    if isinstance(config, dict) and config.get("Mode") == DISTRIBUTED:
        return EXPRESS if config.get("ExecutionType") == EXPRESS else STANDARD
    return site.machine_type
