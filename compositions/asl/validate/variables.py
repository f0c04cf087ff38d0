"""Variables: the names that Assign may give.

A name that an outer scope has as well is not refused: AWS takes such a definition.
"""

from typing import Final

from compositions.asl.validate.problems import Site, shown
from compositions.asl.validate.syntax import jsonata_template, payload_template
from compositions.asl.values import Json

LONGEST_NAME: Final = 80
RESERVED: Final = "states"


def assign(site: Site, value: Json) -> None:
    if not isinstance(value, dict):
        site.expected("Object", value, "Write an object that gives each variable its value.")
        return
    for written in value:
        if isinstance(written, str) and (reason := _wrong(written if site.is_jsonata else written.removesuffix(".$"))):
            site.problem(f"Variable name {shown(written)!r} {reason}.", about=written)
    check = jsonata_template if site.is_jsonata else payload_template
    check(site, value)


def _wrong(name: str) -> str:
    if name == RESERVED:
        return "is reserved. Choose another name"
    if len(name) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} characters. Shorten it"
    if not name.isidentifier() or name.startswith("_"):
        return "is not an identifier. Begin with a letter; go on with letters, digits and underscores"
    return ""
