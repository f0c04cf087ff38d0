"""Forms of the back office as a browser would send them."""

from typing import Any


def sent(response: Any, **changes: Any) -> dict[str, Any]:
    """Every field of the page as it stands, then `changes` over it; None takes a field out."""
    context = response.context
    fields = list(context["adminform"].form)
    formsets = [inline.formset for inline in context["inline_admin_formsets"]]
    if context.get("conditions") is not None:
        formsets.append(context["conditions"])
    for formset in formsets:
        fields += list(formset.management_form)
        for form in formset.forms:
            fields += list(form)
    found: dict[str, Any] = {}
    for field in fields:
        value = field.value()
        widget = getattr(field.field.widget, "widget", field.field.widget)
        if hasattr(widget, "widgets"):  # a date and a time of its own
            for name, part in zip(widget.widgets_names, widget.decompress(value), strict=True):
                found[f"{field.html_name}{name}"] = "" if part is None else part
        elif value is True:
            found[field.html_name] = "on"
        elif value is not None and value is not False:
            found[field.html_name] = value
    found |= changes
    return {name: value for name, value in found.items() if value is not None}


def errors_of(response: Any) -> dict[str, list[str]]:
    """What the page finds wrong, by the name of the field as the browser sends it; "" is the page as a whole."""
    context = response.context
    forms = [context["adminform"].form]
    forms += [form for inline in context["inline_admin_formsets"] for form in inline.formset.forms]
    if context.get("conditions") is not None:
        forms += context["conditions"].forms
    found: dict[str, list[str]] = {}
    for form in forms:
        for name, problems in form.errors.items():
            found[form.add_prefix(name) if name in form.fields else ""] = list(problems)
    return found
