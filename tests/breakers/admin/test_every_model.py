"""Every model of the back office: listed, searched, filled in wrongly, mended, saved, changed in bulk, and audited."""

from collections.abc import Callable
from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.db.models import JSONField, Model
from django.test import Client
from django.urls import reverse

from controlplane.audit.models import AuditEntry
from tests.breakers.admin.examples import EXAMPLES, Example
from tests.breakers.admin.forms import errors_of, sent

MODELS = {model._meta.label: model for model in admin.site._registry}
FILLED = sorted(label for label, example in EXAMPLES.items() if example.add)
CHANGED = sorted(label for label, example in EXAMPLES.items() if example.change)
EDITED = sorted(label for label, model in MODELS.items() if admin.site._registry[model].list_editable)
ACTS = sorted((label, act) for label, example in EXAMPLES.items() for act in example.acts)


def page(model: type[Model], name: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def model_and_example(label: str) -> tuple[type[Model], Example]:
    return MODELS[label], EXAMPLES[label]


def newest() -> AuditEntry:
    return AuditEntry.objects.order_by("-number")[0]


def test_every_model_of_the_back_office_has_an_example() -> None:
    assert sorted(MODELS) == sorted(EXAMPLES)


def test_the_index_has_every_model_in_a_group_of_its_own_choosing(office: Client, settings: Any) -> None:
    named = [label for _, labels in settings.BACKOFFICE_INDEX for label in labels]
    assert sorted(named) == sorted(label.lower() for label in MODELS)
    groups = [group["name"] for group in office.get("/admin/").context["app_list"]]
    assert groups == [title for title, _ in settings.BACKOFFICE_INDEX]


@pytest.mark.parametrize("label", sorted(MODELS))
def test_a_list_is_searched_and_filtered(office: Client, label: str) -> None:
    model, example = model_and_example(label)
    row = example.make()
    address = page(model, "changelist")
    found = office.get(address)
    assert found.status_code == 200
    assert row in found.context["cl"].result_list
    assert office.get(address, {"q": "nothing has this"}).context["cl"].result_count == 0
    if example.search:
        assert row in office.get(address, {"q": example.search}).context["cl"].result_list
    registered = admin.site._registry[model]
    assert registered.search_fields
    for spec in found.context["cl"].filter_specs:
        for choice in list(spec.choices(found.context["cl"])):
            assert office.get(address + choice["query_string"]).status_code == 200, choice


@pytest.mark.parametrize("label", sorted(MODELS))
def test_a_row_is_shown_and_no_field_of_json_is_edited_as_text(office: Client, label: str) -> None:
    model, example = model_and_example(label)
    shown = office.get(page(model, "change", example.make().pk))
    assert shown.status_code == 200
    all_forms = [shown.context["adminform"].form]
    all_forms += [form for inline in shown.context["inline_admin_formsets"] for form in inline.formset.forms]
    all_forms += [inline.formset.empty_form for inline in shown.context["inline_admin_formsets"]]
    for form in all_forms:
        stored = {field.name for field in form._meta.model._meta.fields if isinstance(field, JSONField)}
        assert not stored & set(form.fields)
        assert not any(isinstance(field, forms.JSONField) for field in form.fields.values())
    html = shown.content.decode()
    assert "<style" not in html
    assert " style=" not in html
    assert " onclick=" not in html


@pytest.mark.parametrize("label", FILLED)
def test_a_form_is_filled_in_wrongly_mended_and_saved(office: Client, label: str) -> None:
    model, example = model_and_example(label)
    assert example.add
    assert example.wrong
    address = page(model, "add")
    opened = office.get(address)
    assert opened.status_code == 200
    filled = sent(opened, **example.add(), reason="a customer asked for it")
    known = set(model._default_manager.values_list("pk", flat=True))
    changes, field = example.wrong
    refused = office.post(address, {**filled, **changes})
    assert refused.status_code == 200
    assert field in errors_of(refused)
    assert set(model._default_manager.values_list("pk", flat=True)) == known
    saved = office.post(address, filled)
    assert saved.status_code == 302, errors_of(saved)
    made = model._default_manager.exclude(pk__in=known).get()
    entry = newest()
    assert (entry.by, entry.reason) == ("a-admin", "a customer asked for it")
    assert entry.subject.startswith(example.subject)
    assert office.get(page(model, "change", made.pk)).status_code == 200


@pytest.mark.parametrize("label", CHANGED)
def test_a_row_is_changed_and_saving_it_as_it_stands_changes_nothing(office: Client, label: str) -> None:
    model, example = model_and_example(label)
    row = example.make()
    address = page(model, "change", row.pk)
    assert example.change
    assert office.post(address, sent(office.get(address), **example.change, reason="agreed")).status_code == 302
    entry = newest()
    assert (entry.by, entry.reason) == ("a-admin", "agreed")
    assert entry.before != entry.after
    count = AuditEntry.objects.count()
    assert office.post(address, sent(office.get(address))).status_code == 302
    if label != "auth.User":  # Django's own form saves what it is given, and every saving is recorded
        assert AuditEntry.objects.count() == count


@pytest.mark.parametrize(("label", "act"), ACTS)
def test_an_act_on_several_asks_for_a_reason_and_is_audited(office: Client, label: str, act: str) -> None:
    model, example = model_and_example(label)
    row = example.make()
    address = page(model, "changelist")
    chosen = {"action": act, "_selected_action": [row.pk], "index": 0}
    count = AuditEntry.objects.count()
    asked = office.post(address, {**chosen, "reason": " "})
    assert "Kept in the audit, once for each." in asked.content.decode()
    assert AuditEntry.objects.count() == count
    again = office.post(address, {"action": act, "_selected_action": [row.pk], "reason": ""})
    assert "Say why" in again.content.decode()
    done = office.post(address, {"action": act, "_selected_action": [row.pk], "reason": "drill"}, follow=True)
    assert [message.level_tag for message in done.context["messages"]] == ["success"]
    unchanged = (label, act) in {
        ("breakers.Target", "enforce"),
        ("breakers.UsagePlan", "enforce"),
        ("compositions.Route", "enable"),
        ("compositions.Pipe", "start"),
        ("breakers.RequestRule", "enable"),
        ("breakers.RequestRule", "block"),
    }
    assert AuditEntry.objects.count() == count + (not unchanged)
    if not unchanged:
        assert (newest().by, newest().reason) == ("a-admin", "drill")


@pytest.mark.parametrize("label", EDITED)
def test_edits_in_a_list_ask_for_a_reason_and_are_audited(office: Client, label: str) -> None:
    model, example = model_and_example(label)
    row = example.make()
    address = page(model, "changelist")
    formset = office.get(address).context["cl"].formset
    edited = next(form for form in formset.forms if form.instance == row)
    cells = {field.html_name: "" if field.value() is None else field.value() for field in formset.management_form}
    for form in formset.forms:
        for field in form:
            value = field.value()
            if value is not False:
                cells[field.html_name] = "on" if value is True else "" if value is None else value
    name = next(iter(admin.site._registry[model].list_editable))
    field = edited[name]
    choices = [value for value, _ in getattr(field.field, "choices", []) if value and value != field.value()]
    kinds = {forms.IntegerField: "7", forms.FloatField: "7.5", forms.CharField: "Other"}
    value = choices[0] if choices else next(value for kind, value in kinds.items() if type(field.field) is kind)
    cells |= {field.html_name: value, "_save": "Save"}
    count = AuditEntry.objects.count()
    asked = office.post(address, {**cells, "reason": ""})
    assert "Say why" in asked.content.decode()
    assert f'value="{value}"' in asked.content.decode() or choices
    assert AuditEntry.objects.count() == count
    assert office.post(address, {**cells, "reason": "agreed"}).status_code == 302
    assert (newest().by, newest().reason) == ("a-admin", "agreed")
    assert AuditEntry.objects.count() == count + 1


@pytest.mark.parametrize("label", sorted(set(CHANGED) - {"auth.User", "breakers.ApiKey"}))
def test_several_are_deleted_with_a_reason(office: Client, label: str) -> None:
    model, example = model_and_example(label)
    row = example.make()
    address = page(model, "changelist")
    chosen = {"action": "delete_selected", "_selected_action": [row.pk]}
    asked = office.post(address, chosen)
    if asked.context.get("protected"):
        assert "<a href" in str(asked.context["protected"][0])
        return
    office.post(address, {**chosen, "post": "yes", "reason": ""})
    assert model._default_manager.filter(pk=row.pk).exists()
    office.post(address, {**chosen, "post": "yes", "reason": "gone"})
    assert not model._default_manager.filter(pk=row.pk).exists()
    assert (newest().by, newest().reason) == ("a-admin", "gone")


@pytest.mark.parametrize("label", sorted(MODELS))
def test_whoever_only_looks_changes_nothing(back_office: Callable[[str], Client], label: str) -> None:
    model, example = model_and_example(label)
    viewer = back_office("viewer")
    row = example.make()
    address = page(model, "change", row.pk)
    administered = model._meta.app_label in {"auth", "access", "sessions", "axes"}
    assert viewer.get(address).status_code == (403 if administered else 200)
    assert viewer.post(address, {}).status_code == 403
    assert viewer.get(page(model, "add")).status_code == 403
    assert viewer.post(page(model, "delete", row.pk), {"post": "yes", "reason": "no"}).status_code == 403
    assert model._default_manager.filter(pk=row.pk).exists()
