"""A target's proxy and credentials as fields. A secret is typed and never shown; left empty, what is kept stays."""

from typing import Any

from django import forms

from breakers.documents.defaults import Document

REACHED = ("proxy_url", "proxy_username", "credentials_type", "credentials_name")
NAMES = {"basic": ("username", "password"), "header": ("name", "value")}


def _typed(label: str, help_text: str) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"class": "vTextField", "autocomplete": "new-password"})
    return forms.CharField(label=label, required=False, strip=False, help_text=help_text, widget=widget)


class SecretFields(forms.Form):
    """Mixin for the form of a target."""

    instance: Any

    proxy_secret = _typed("Password at the proxy", "Empty: what is kept stays, as long as the user name does.")
    credentials_value = _typed("Password or value", "Empty: what is kept stays. Kept encrypted and never shown.")

    def proxy(self) -> Document | None:
        given = self.cleaned_data
        if not given["proxy_url"]:
            return None
        kept = self._kept("proxy_password") if given["proxy_username"] else None
        password = given["proxy_secret"] or kept
        return {"url": given["proxy_url"], "username": given["proxy_username"], "password": password}

    def credentials(self) -> Document | None:
        given = self.cleaned_data
        kind = given["credentials_type"]
        if not kind:
            return None
        name, secret = NAMES[kind]
        stated = {name: given["credentials_name"], secret: given["credentials_value"]}
        stated[secret] = stated[secret] or self._kept("credentials_secret")
        return {"type": kind, **{field: value for field, value in stated.items() if value}}

    def _kept(self, column: str) -> Document | None:
        return {"set": True} if getattr(self.instance, column) else None


def home(path: str) -> str:
    """The field where the problem at `path` of the document is shown."""
    block, _, field = path.partition(".")
    if block == "proxy":
        return "proxy_" + {"username": "username", "password": "secret"}.get(field, "url")
    return "credentials_" + {"type": "type", "password": "value", "value": "value"}.get(field, "name")
