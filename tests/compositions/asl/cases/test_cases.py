"""Every case of every kind of state; and every field that a definition may have is in some case."""

import pytest

from compositions.asl.validate import failures, maps, rules
from compositions.asl.validate.objects import BOTH
from compositions.asl.validate.states import STATES, WHOLE
from tests.compositions.asl.cases.case import PATH, QUERY, Cases, name_of
from tests.compositions.asl.cases.of_choice import CHOICE
from tests.compositions.asl.cases.of_fail import FAIL
from tests.compositions.asl.cases.of_map import MAP
from tests.compositions.asl.cases.of_parallel import PARALLEL
from tests.compositions.asl.cases.of_pass import PASS
from tests.compositions.asl.cases.of_succeed import SUCCEED
from tests.compositions.asl.cases.of_task import TASK
from tests.compositions.asl.cases.of_wait import WAIT
from tests.compositions.asl.world import HANGS, Slow, World, machine, passing, task

CASES: dict[str, Cases] = {
    "Choice": CHOICE,
    "Fail": FAIL,
    "Map": MAP,
    "Parallel": PARALLEL,
    "Pass": PASS,
    "Succeed": SUCCEED,
    "Task": TASK,
    "Wait": WAIT,
}
# What is written inside a state: its fields, and the way there.
INSIDE = {
    "Retry": (failures.RETRIER.fields, ("Retry",)),
    "Catch": (failures.CATCHER.fields, ("Catch",)),
    "Choices": (rules.RULE.fields, ("Choices",)),
    "ItemReader": (maps.READER.fields, ("ItemReader",)),
    "ReaderConfig": (maps.READER_CONFIG.fields, ("ItemReader", "ReaderConfig")),
    "ItemBatcher": (maps.BATCHER.fields, ("ItemBatcher",)),
    "ResultWriter": (maps.WRITER.fields, ("ResultWriter",)),
    "WriterConfig": (maps.WRITER_CONFIG.fields, ("ResultWriter", "WriterConfig")),
    "ProcessorConfig": (maps.PROCESSOR_CONFIG.fields, ("ItemProcessor", "ProcessorConfig")),
}
EVERY = [(kind, language, case) for kind, cases in CASES.items() for language, case in cases.each()]


@pytest.mark.parametrize(("kind", "language", "case"), EVERY, ids=name_of)
async def test_a_state(kind, language, case):
    assert case.state["Type"] == kind
    await case.holds(language)


def missing(fields, kinds, way=()):
    """The fields that no case of these kinds has, with the language that lacks them."""
    found = set()
    for kind, language, case in EVERY:
        parts = [case.state] if kind in kinds else []
        for name in way:
            inner = [part[name] for part in parts if name in part]
            parts = [item for part in inner for item in (part if isinstance(part, list) else [part])]
        found |= {(language, name) for part in parts for name in part}
    languages = {name: (PATH, QUERY) if field.language == BOTH else (field.language,) for name, field in fields.items()}
    return {(language, name) for name, spoken in languages.items() for language in spoken} - found


def test_every_kind_of_state_has_cases():
    assert CASES.keys() == STATES.keys()


@pytest.mark.parametrize("kind", STATES)
def test_every_field_of_a_state_has_a_case(kind):
    assert missing(STATES[kind].fields, [kind]) == set()


@pytest.mark.parametrize("part", INSIDE)
def test_every_field_inside_a_state_has_a_case(part):
    fields, way = INSIDE[part]
    assert missing(fields, STATES, way) == set()


# A machine's own fields: what it is written as, what its one call does, how it ends and when.
MACHINES = {
    "Comment": ("why", 1, "SUCCEEDED", 0),
    "Version": ("1.0", 1, "SUCCEEDED", 0),
    "QueryLanguage": ("JSONPath", 1, "SUCCEEDED", 0),
    "TimeoutSeconds": (5, HANGS, "TIMED_OUT", 5),
    "StartAt": ("Last", HANGS, "SUCCEEDED", 0),
    "States": ({"First": passing(End=True)}, HANGS, "SUCCEEDED", 0),
}


def test_every_field_of_a_machine_has_a_case():
    assert MACHINES.keys() == WHOLE.keys()


@pytest.mark.parametrize("field", MACHINES)
async def test_a_machine(field):
    written, reply, status, waited = MACHINES[field]
    world = World({"r": reply})
    definition = machine(("First", task("r")), ("Last", passing()))
    assert (await world.run({**definition, field: written}))["status"] == status
    assert world.waited == waited


async def test_a_machine_in_time_is_not_disturbed_by_its_limit():
    world = World({"r": Slow(4, 1)})
    assert (await world.run(machine(("First", task("r")), TimeoutSeconds=5)))["output"] == 1
