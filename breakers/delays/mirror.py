"""The delay flag, mirrored: a file for each journey in DATA_DIR/mirror, and a parameter of SSM Parameter Store.

    {"journey", "delayed", "since", "severity", "message"}

Both are for readers that cannot poll: other processes of the machine, functions at AWS. They are compared by level and
put right; `message` is as it was when the flag last moved, so that a countdown in it does not write all the time.
"""

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings

from breakers.dataplane import DataPlane
from breakers.hosting import hosted
from controlplane.aws.plans import Call, Json, NotKnown, Plan, Want
from controlplane.kernel import canonical

NEWS = ("delayed", "since", "severity")
FIELDS = ("journey", *NEWS, "message")


def flags(plane: DataPlane) -> dict[str, dict[str, Any]]:
    """What is mirrored, by journey. Raises NotKnown while the shared state is out of reach."""
    if not plane.store_ok or plane.config.source == "none":
        raise NotKnown("the shared state is out of reach, so the mirror stays as it is")
    document, _ = plane.delays.find()
    entries = json.loads(document.body)["journeys"]
    return {entry["journey"]: {name: entry[name] for name in FIELDS} for entry in entries}


def news(text: str) -> str:
    """What counts of a mirrored text: equal news need no writing. Empty for what nobody here wrote."""
    try:
        flag = json.loads(text)
        return canonical.text({name: flag[name] for name in NEWS})
    except (ValueError, KeyError, TypeError):
        return ""


# Files ----------------------------------------------------------------------------------------------------------------


def write_files(plane: DataPlane, folder: Path | None = None) -> list[str]:
    """Bring the files up to date; returns the journeys whose file was written or removed."""
    folder = folder or settings.DATA_DIR / "mirror"
    wanted = {slug: canonical.text(flag) for slug, flag in flags(plane).items()}
    written = []
    for slug, text in wanted.items():
        path = folder / f"{slug}.json"
        if news(_read(path)) != news(text):
            folder.mkdir(parents=True, exist_ok=True)
            _replace(path, text)
            written.append(slug)
    for path in folder.glob("*.json"):
        if path.stem not in wanted:
            path.unlink(missing_ok=True)
            written.append(path.stem)
    return written


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def _replace(path: Path, text: str) -> None:
    """Whoever reads meanwhile reads the old text or the new one whole."""
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(text + "\n")
    draft.replace(path)


# Parameters -----------------------------------------------------------------------------------------------------------


def wants() -> list[Want]:
    """An entry of AWS_PUBLISHERS: a parameter for each journey, when AWS is configured."""
    if not settings.AWS_CONFIGURED or not settings.AWS_MIRROR_PREFIX:
        return []
    return wants_of(hosted("runner").plane)


def wants_of(plane: DataPlane) -> list[Want]:
    return [_want(slug, canonical.text(flag), flag["delayed"]) for slug, flag in flags(plane).items()]


def _want(slug: str, text: str, delayed: bool) -> Want:
    name = f"{settings.AWS_MIRROR_PREFIX}/{slug}"
    put = Call("ssm", "put_parameter", {"Name": name, "Value": text, "Type": "String", "Overwrite": True})
    return Want(
        key=f"delay:{slug}",
        title=f"Parameter {name} says that {slug} is {'delayed' if delayed else 'on time'}",
        desired=news(text),
        plan=Plan(f"Put the parameter {name}", (put,)),
        look=Call("ssm", "get_parameter", {"Name": name}),
        seen=_news_of,
        absent=("ParameterNotFound",),
    )


def _news_of(answer: Json) -> str:
    return news(answer["Parameter"]["Value"])
