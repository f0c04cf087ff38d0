"""Making and changing compositions: the form with its editor, the check while one types, import, and deletion."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from breakers.documents.defaults import Document
from breakers.models import Target
from breakers.panels.differences import Changed, changes
from breakers.views import changing
from compositions import exchange, neighbours, sentences, starts, texts
from compositions.documents import compositions as documents
from compositions.documents.compositions import CompositionShape
from compositions.models import Composition
from compositions.operations import compositions as operations
from compositions.panels.checked import checked
from compositions.panels.text_diffs import diff
from compositions.reach import reach
from controlplane.access.forms import login_required_keeping_form
from controlplane.kernel.access import require

from .composition_forms import CompositionForm

MOST_IMPORTED = 2 * 1024 * 1024


def sentence(document: Document) -> str:
    around = neighbours.around()
    value = texts.read(document["definition"])
    return sentences.composition(document["type"], document.get("version"), reach(value, around))


def effects(slug: str, before: Document | None, after: Document) -> dict[str, Any]:
    """What a preview shows: the lines that differ, whom it calls newly or no longer, what is not advisable."""
    row = Composition.objects.filter(slug=slug).first()
    text = texts.written(after["definition"])
    around = neighbours.around()
    now = checked(text, slug=slug, type=after["type"], deadline_ms=after["deadline_ms"], around=around)
    known = reach(texts.read(before["definition"]), around).targets if before else frozenset()
    return {
        "diff": diff(row.definition, text) if row is not None else None,
        "checked": now,
        "newly": sorted(now.reached.targets - known) if before else [],
        "no_longer": sorted(known - now.reached.targets),
        "used_by": operations.used_by(slug) if row is not None else [],
    }


def changed(before: Document, after: Document) -> list[Changed]:
    """The fields besides the definition, whose lines are shown, and the version, which follows from it."""

    def plain(document: Document) -> Document:
        return {name: value for name, value in document.items() if name not in ("definition", "version")}

    found = changes(plain(before), plain(after))
    if texts.read(before["definition"]) != texts.read(after["definition"]):
        found.append(Changed("definition", f"version {before.get('version', '')}".strip(), "as shown below"))
    return found


NOUN = changing.Noun(
    "composition",
    "composition",
    CompositionForm,
    CompositionShape,
    documents,
    operations,
    sentence,
    effects,
    lambda row: operations.used_by(row.slug),
    "Its versions are kept; executions that run go on with the definition they began with.",
    effects="compositions/composition_effects.html",
    folder="compositions",
    preview_page="compositions/composition_preview.html",
    changed=changed,
)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def new(request: HttpRequest) -> HttpResponse:
    """From a starting point, or as a copy of the version that the address names."""
    begin = request.GET.get("begin", "blank")
    like = starts.begun(begin if begin in starts.STARTS else "blank", _targets())
    if copied := Composition.objects.filter(slug=request.GET.get("like", "")).first():
        like = documents.document(copied) | {"slug": "", "definition": copied.definition}
    return changing.change(request, NOUN, None, like=like)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def change(request: HttpRequest, slug: str) -> HttpResponse:
    return changing.change(request, NOUN, slug)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    return changing.delete(request, NOUN, slug)


@require_POST
@never_cache
@login_required_keeping_form
@require("view")
def check(request: HttpRequest) -> HttpResponse:
    """What speaks against the text in a form, while somebody types; nothing is saved."""
    form = CompositionForm(request.POST, new=True)
    return render(request, "compositions/checked.html", {"checked": form.checked()})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def bring(request: HttpRequest) -> HttpResponse:
    """A file or a pasted text becomes the form of a new composition; nothing is saved before it was looked at."""
    refused = ""
    if request.method == "POST":
        text, refused = _given(request)
        try:
            found = exchange.read(text.replace("\r\n", "\n"))
        except exchange.Unreadable as error:
            refused = refused or str(error)
        else:
            like = starts.begun("blank", _targets()) | {
                "slug": _slug(found.title),
                "title": found.title,
                "description": found.description,
                "type": found.type or "EXPRESS",
                "definition": texts.written(found.definition),
            }
            return changing.begin(request, NOUN, like)
    context = {"refused": refused, "text": request.POST.get("text", "")}
    return render(request, "compositions/composition_import.html", context, status=400 if refused else 200)


def _given(request: HttpRequest) -> tuple[str, str]:
    """(the text, why it is refused)."""
    file = request.FILES.get("file")
    if file is None:
        text = request.POST.get("text", "")
        return text, "" if text.strip() else "Choose a file or paste a definition."
    if file.size is not None and file.size > MOST_IMPORTED:
        return "", "The file is larger than 2 MiB; a definition has at most 1 MiB."
    try:
        return file.read().decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        return "", "The file is not UTF-8 text. Save it as UTF-8 and choose it again."


def _slug(name: str) -> str:
    """`Article Page` -> `article-page`; empty where nothing is left."""
    words = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in name.lower()).split()
    return "-".join(words)[:50].strip("-")


def _targets() -> list[str]:
    return list(Target.objects.order_by("slug").values_list("slug", flat=True)[:2])
