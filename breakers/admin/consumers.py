"""Consumers and their API keys in the back office. A key is shown once, when it is made; its hash never."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from breakers.core import sentences
from breakers.core.api_keys import WORKING
from breakers.documents import checking
from breakers.documents.consumers import ConsumerShape
from breakers.documents.consumers import document as consumer_document
from breakers.documents.defaults import Document
from breakers.documents.keys import KeyShape, document, state
from breakers.models import ApiKey, Consumer
from breakers.operations import consumers, keys
from controlplane.config.commit import current_revision
from controlplane.kernel import clock
from controlplane.kernel.access import Principal, principal_of
from controlplane.kernel.backoffice import each_row
from controlplane.kernel.errors import FieldProblem, Invalid

from .forms import DocumentForm
from .operations import ThroughOperations

CONSUMER = ("title", "contact", "tags")


class ConsumerForm(DocumentForm):
    class Meta:
        model = Consumer
        fields = ("slug", *CONSUMER)

    def to_document(self) -> Document:
        return {name: self.cleaned_data[name] for name in CONSUMER}

    def judge(self, slug: str, document: Document) -> None:
        checking.shaped(ConsumerShape, slug, document)


@admin.register(Consumer)
class ConsumerAdmin(ThroughOperations):
    kind = "consumer"
    form = ConsumerForm
    operations = consumers
    consequence = "What it used stays in the counts."
    list_display = ("slug", "title", "contact", "tags_shown", "keys_held", "created_at")
    list_editable = ("title", "contact")
    list_filter = ("keys__plans", ("contact", admin.EmptyFieldListFilter))
    search_fields = ("slug", "title", "contact", "tags", "keys__prefix")
    search_help_text = "Slug, title, contact, tag, or the beginning of a key."
    readonly_fields = ("key_list", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("slug", "title", "contact", "tags")}),
        ("Keys", {"fields": ("key_list",)}),
        ("Since when", {"fields": ("created_at", "updated_at"), "classes": ("collapse",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Consumer]:
        return super().get_queryset(request).annotate(key_count=Count("keys", distinct=True))

    @admin.display(description="tags")
    def tags_shown(self, consumer: Consumer) -> str:
        return ", ".join(consumer.tags or [])

    @admin.display(description="keys", ordering="key_count")
    def keys_held(self, consumer: Any) -> int:
        return consumer.key_count

    @admin.display(description="Keys")
    def key_list(self, consumer: Consumer) -> SafeString | str:
        if not consumer.pk:
            return "Made once the consumer is saved."
        now = clock.now()
        add = format_html("<a href='{}?consumer={}'>Make a key</a>", reverse("admin:breakers_apikey_add"), consumer.pk)
        links = format_html_join(
            "",
            "<li><a href='{}'>{}</a>: {}</li>",
            (
                (reverse("admin:breakers_apikey_change", args=[key.pk]), str(key), state(key, now).value)
                for key in consumer.keys.all()
            ),
        )
        return format_html("<ul class='used-by'>{}<li>{}</li></ul>", links, add)

    def sentence(self, obj: Consumer) -> str:
        held, now = list(obj.keys.all()), clock.now()
        working = sum(state(key, now) in WORKING for key in held)
        return sentences.consumer(consumer_document(obj), keys=len(held), working=working)


class KeyForm(DocumentForm):
    """A key's secret is no field: one is made, shown once, and only its hash is kept."""

    class Meta:
        model = ApiKey
        fields = ("consumer", "title", "tags", "plans", "expires_at")

    def to_document(self) -> Document:
        given = self.cleaned_data
        ends = given["expires_at"]
        return {
            "title": given["title"],
            "tags": given["tags"],
            "plans": [plan.slug for plan in given["plans"]],
            "expires_at": clock.rfc3339(ends) if ends else None,
        }

    @property
    def slug(self) -> str:
        return str(self.instance.pk)

    def revision(self) -> int:
        return current_revision(self.kind, self.slug) if not self.instance._state.adding else 0

    def judge(self, slug: str, document: Document) -> None:
        checking.fields(KeyShape, document)
        keys.plans_of(document["plans"])
        ends, before = self.cleaned_data["expires_at"], self.initial.get("expires_at")
        if ends is not None and ends <= clock.now() and ends != before:
            text = "This is in the past. To end a key now, revoke it."
            raise Invalid("It would not work at all.", problems=[FieldProblem("expires_at", "past", text)])

    def _home(self, path: str) -> tuple[Any, str]:
        return self, path.partition("[")[0]


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("working", "works"),
            ("soon", "ends within 30 days"),
            ("rotated", "rotated, in its grace"),
            ("over", "expired or past its grace"),
            ("revoked", "revoked"),
        ]

    def queryset(self, request: Any, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        now = clock.now()
        over = Q(expires_at__lte=now) | Q(grace_until__lte=now)
        living = queryset.filter(revoked_at=None).exclude(over)
        match self.value():
            case "working":
                return living
            case "soon":
                return living.filter(expires_at__lte=now + timedelta(days=30))
            case "rotated":
                return living.exclude(grace_until=None)
            case "over":
                return queryset.filter(over, revoked_at=None)
            case "revoked":
                return queryset.exclude(revoked_at=None)
        return queryset


@admin.register(ApiKey)
class KeyAdmin(ThroughOperations):
    """Rotation, with its period of grace, is on the key's page."""

    kind = "key"
    name_field = "id"
    form = KeyForm
    operations = keys
    consequence = "Whoever still sends it is told that it is unknown."
    list_display = ("prefix_shown", "title", "consumer", "plans_shown", "state_shown", "expires_at", "last_used_at")
    list_filter = (StateFilter, "plans", ("last_used_at", admin.EmptyFieldListFilter))
    list_select_related = ("consumer",)
    search_fields = ("id", "prefix", "title", "tags", "consumer__slug", "consumer__title")
    search_help_text = "Id, the key's beginning, title, tag or consumer."
    autocomplete_fields = ("consumer", "plans")
    actions = ("revoke",)
    readonly_fields = (
        "prefix_shown",
        "state_shown",
        "created_at",
        "created_by",
        "successor",
        "grace_until",
        "revoked_at",
        "revoked_reason",
        "last_used_at",
    )

    def get_fieldsets(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        given = ("title", "tags", "plans", "expires_at")
        if obj is None:
            note = "The key itself is shown once, after saving. Keys identify; they do not authenticate."
            return ((None, {"fields": ("consumer", *given), "description": note}),)
        happened = ("created_at", "created_by", "successor", "grace_until", "revoked_at", "revoked_reason")
        return (
            (None, {"fields": ("id", "prefix_shown", "consumer", *given)}),
            ("What became of it", {"fields": ("state_shown", "last_used_at", *happened)}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else [*fields, "consumer"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return keys.rows()

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        by, reason = principal_of(request), form.cleaned_data["reason"]
        if change:
            saved = keys.patch(obj.pk, form.document, by=by, reason=reason)
        else:
            consumer = form.cleaned_data["consumer"].slug
            saved, secret = keys.create(consumer, form.document, by=by, reason=reason)
            obj.pk = saved.pk
            messages.success(request, f"Copy the key now, it is not shown again: {secret}")
        request.said = self.sentence(saved)  # type: ignore[attr-defined]

    @admin.display(description="key", ordering="prefix")
    def prefix_shown(self, key: ApiKey) -> str:
        return f"{key.prefix}…" if key.prefix else "–"

    @admin.display(description="plans")
    def plans_shown(self, key: ApiKey) -> str:
        return ", ".join(plan.slug for plan in key.plans.all()) or "none"

    @admin.display(description="state")
    def state_shown(self, key: ApiKey) -> str:
        return state(key, clock.now()).value if key.prefix else "–"

    def sentence(self, obj: ApiKey) -> str:
        return sentences.key(document(obj))

    @each_row("Revoke selected keys at once, for ever", done="revoked: every front door refuses them within a second")
    def revoke(self, row: ApiKey, by: Principal, reason: str) -> None:
        keys.revoke(row.pk, by=by, reason=reason)
