"""Definitions from elsewhere and for elsewhere: bare, as DescribeStateMachine gives them, or in a template; pure.

Read are, as JSON or as YAML:

    a bare definition       it has States
    DescribeStateMachine    its `definition` is text; name, type and description are taken over
    CloudFormation, SAM     a resource AWS::StepFunctions::StateMachine or AWS::Serverless::StateMachine, alone or the
                            only one of a template; `${Name}` in it is filled in from its own substitutions and the
                            caller's
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import yaml

from compositions.asl.values import Json

STATE_MACHINES: Final = ("AWS::StepFunctions::StateMachine", "AWS::Serverless::StateMachine")
LONGEST_SOURCE: Final = 2_097_152  # characters
LONGEST_YAML: Final = 200_000  # which takes about a second
ARN: Final = "arn:aws:states:local:000000000000:stateMachine"

_PLACEHOLDER: Final = re.compile(r"\$\{(!?)([A-Za-z0-9_.:-]+)\}")


class Unreadable(ValueError):
    """The source is not one of the known forms, or lacks something; the message says what to do."""


class Brought(NamedTuple):
    """`definition` is text where the source had text. Type is empty where the source does not tell."""

    definition: str | Json
    type: str = ""
    title: str = ""
    description: str = ""


def read(source: str | Json, substitutions: Mapping[str, str] | None = None) -> Brought:
    """A source in one of the known forms. Raises Unreadable."""
    value = _parsed(source) if isinstance(source, str) else source
    if not isinstance(value, dict):
        raise Unreadable("Give an object: a definition, an export of DescribeStateMachine, or a template.")
    if "States" in value:
        is_json = isinstance(source, str) and source.lstrip().startswith("{")
        return Brought(source if is_json else value)
    if isinstance(value.get("definition"), str | dict):
        return _described(value)
    return _of_template(_resource(value), substitutions or {})


def described(slug: str, *, title: str, type: str, definition: str, created: str, revision: str) -> dict[str, Json]:
    """What DescribeStateMachine would give; without a role, which nothing here has."""
    return {
        "stateMachineArn": f"{ARN}:{slug}",
        "name": slug,
        "status": "ACTIVE",
        "definition": definition,
        "type": type,
        "creationDate": created,
        "description": title,
        "revisionId": revision,
    }


def _described(value: Mapping[str, Json]) -> Brought:
    kind = value.get("type", "")
    if kind not in ("", "EXPRESS", "STANDARD"):
        raise Unreadable(f"The export's type is {kind!r}; it must be EXPRESS or STANDARD.")
    return Brought(
        value["definition"], kind, str(value.get("name") or "")[:200], str(value.get("description") or "")[:4000]
    )


def _resource(value: Mapping[str, Json]) -> Mapping[str, Json]:
    """The state machine in a template, or the resource itself."""
    if value.get("Type") in STATE_MACHINES:
        return value
    resources = value.get("Resources")
    found = {
        name: each
        for name, each in (resources.items() if isinstance(resources, dict) else ())
        if isinstance(each, dict) and each.get("Type") in STATE_MACHINES
    }
    if len(found) > 1:
        raise Unreadable(f"The template has {len(found)} state machines ({', '.join(found)}). Give one of them alone.")
    if not found:
        raise Unreadable(
            "This is no definition (it has no States), no export of DescribeStateMachine (it has no definition), and "
            "no template with a state machine."
        )
    return next(iter(found.values()))


def _of_template(resource: Mapping[str, Json], given: Mapping[str, str]) -> Brought:
    properties = resource.get("Properties")
    properties = properties if isinstance(properties, dict) else {}
    definition = properties.get("DefinitionString", properties.get("Definition"))
    if definition is None:
        raise Unreadable("The template names its definition by an address. Give the definition itself.")
    own = properties.get("DefinitionSubstitutions")
    values = {name: _scalar(value) for name, value in (own.items() if isinstance(own, dict) else ())} | dict(given)
    definition = _plain(definition)
    missing: dict[str, None] = {}
    filled = _filled(definition, {name: value for name, value in values.items() if value is not None}, missing)
    if missing:
        names = ", ".join(missing)
        raise Unreadable(f"The definition uses {names}, whose values only AWS knows. Give them in substitutions.")
    kind = properties.get("StateMachineType", properties.get("Type", "STANDARD"))
    name = properties.get("StateMachineName", properties.get("Name"))
    return Brought(filled, str(kind), name if isinstance(name, str) else "")


def _scalar(value: Json) -> str | None:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def _plain(value: Json) -> Json:
    """The functions of CloudFormation in a definition, as text with placeholders."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        name, inner = next(iter(value.items()))
        if name == "Ref" and isinstance(inner, str):
            return f"${{{inner}}}"
        if name == "Fn::GetAtt":
            return f"${{{inner if isinstance(inner, str) else '.'.join(map(str, inner))}}}"
        if name == "Fn::Sub":
            return _substituted(inner)
        if name == "Fn::Join" and isinstance(inner, list) and len(inner) == 2 and isinstance(inner[1], list):
            return str(inner[0]).join(str(_plain(part)) for part in inner[1])
    return {name: _plain(inner) for name, inner in value.items()}


def _substituted(inner: Json) -> Json:
    if not isinstance(inner, list) or len(inner) != 2 or not isinstance(inner[1], dict):
        return inner
    text, values = inner
    return _filled(text, {name: str(_plain(value)) for name, value in values.items()}, {})


def _filled(value: Json, values: Mapping[str, str], missing: dict[str, None]) -> Json:
    """Every `${Name}` in the texts of a value; those without a value stay and are noted in `missing`."""
    if isinstance(value, dict):
        return {name: _filled(inner, values, missing) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, values, missing) for inner in value]
    if not isinstance(value, str):
        return value

    def fill(found: re.Match[str]) -> str:
        is_literal, name = bool(found[1]), found[2]
        if is_literal:
            return f"${{{name}}}"
        if name not in values:
            missing[name] = None
        return values.get(name, found[0])

    return _PLACEHOLDER.sub(fill, value)


# Text ----------------------------------------------------------------------------------------------------------------


class _Templates(yaml.SafeLoader):
    """YAML with the short forms of CloudFormation: `!Sub x` is `{"Fn::Sub": x}`. Dates stay text.

    Aliases are not followed: a short text could stand for a very long one.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise Unreadable("The source has YAML aliases, which are not followed. Write out what they stand for.")
        return super().compose_node(parent, index)


def _short_form(loader: _Templates, suffix: str, node: yaml.Node) -> Any:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Templates.add_multi_constructor("!", _short_form)
_Templates.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _parsed(text: str) -> Json:
    if len(text) > LONGEST_SOURCE:
        raise Unreadable(f"The source has {len(text)} characters; at most {LONGEST_SOURCE} are read.")
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"The source is not JSON: {error}.") from None
    if len(text) > LONGEST_YAML:
        raise Unreadable(f"YAML is read up to {LONGEST_YAML} characters; give JSON.")
    try:
        return yaml.load(text, _Templates)
    except Unreadable:
        raise
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Unreadable(f"The source is neither JSON nor YAML: {' '.join(str(error).split())}.") from None
