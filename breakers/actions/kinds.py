"""What every kind of action says of itself, and what it is told when something is to be held."""

import re
from collections.abc import Callable

import msgspec

from controlplane.aws.plans import Call, Want

from .levels import Level


class Held(msgspec.Struct, frozen=True):
    """An action as its kind needs it: `name` of what it holds, and the value that is to hold at the present level."""

    slug: str
    title: str
    subjects: tuple[str, ...]
    name: str
    value: str
    account: str
    region: str

    @property
    def key(self) -> str:
        return f"action:{self.slug}"

    def call(self, service: str, operation: str, **parameters: object) -> Call:
        return Call(service, operation, parameters, self.account, self.region)


class Kind(msgspec.Struct, frozen=True):
    """`named` is what `name` names, `rule` its form with a remedy; `values` judges a value, saying what is wrong.

    `shared`: several actions may use the same name, since none of them undoes what another one did.
    """

    named: str
    rule: re.Pattern[str]
    remedy: str
    opened: str
    closed: str
    values: Callable[[str], str]
    want: Callable[[Held, Level], Want]
    shared: bool = False
