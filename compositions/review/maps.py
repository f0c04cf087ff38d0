"""Maps over what lies outside: valid language, which this product does not run."""

from collections.abc import Iterator

from .findings import Finding, Subject

FIELDS = ("ItemReader", "ItemBatcher", "ResultWriter")


def not_run_here(subject: Subject) -> Iterator[Finding]:
    for step in subject.steps:
        if step.kind != "Map":
            continue
        for field in FIELDS:
            if field in step.raw:
                text = (
                    f"{field} belongs to distributed Maps, which are not run here. Read the items with a Task before "
                    "the Map, and give them to it as an array."
                )
                yield Finding(f"{step.path}/{field}", "distributed_map", text)
        processor = step.raw.get("ItemProcessor")
        config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
        if isinstance(config, dict) and config.get("Mode") == "DISTRIBUTED":
            text = "Distributed Maps are not run here. Set Mode to INLINE, or run a composition for each item."
            yield Finding(f"{step.path}/ItemProcessor/ProcessorConfig/Mode", "distributed_map", text)
