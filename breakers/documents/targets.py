"""The shape of a target's document: every field of `PUT /api/v1/targets/{slug}`, its type and its range.

What is left out follows defaults.py; what could never work together is refused by `breakers.core.settings.problems`.
"""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from breakers.core.outcomes import parse_match, parse_statuses
from breakers.core.policies import POLICIES
from breakers.guard.http1 import OWN_HEADERS
from breakers.models.addresses import base_url, proxy_url, web_address
from breakers.models.breakers import HalfOpenBy, Mode, PolicyType, WindowType
from breakers.models.contracts import OnExhausted
from breakers.models.probes import ProbeMethod
from breakers.models.targets import Kind, OnStoreError
from controlplane.kernel.rest import StrictSerializer

from .defaults import LONGEST_WINDOW
from .fields import Checked, Flag, HeaderName, Number, Slug, Text, WholeNumber, Word
from .secret_fields import SecretField
from .static_answers import StaticAnswer


def _statuses(text: str) -> None:
    list(parse_statuses(text))


def _probe_path(text: str) -> None:
    if not text.startswith("/") or "#" in text or any(c <= " " or c > "~" for c in text):
        raise ValueError("Begin with /, percent-encode what is not ASCII, and leave out spaces and fragment")


class PolicyShape(StrictSerializer):
    type = serializers.ChoiceField(PolicyType.choices)
    threshold = WholeNumber(required=False, min_value=1, max_value=10_000, help_text="Default 5.")
    failure_rate_threshold = Number(required=False, min_value=0.01, max_value=100, help_text="Percent. Default 50.")
    slow_call_duration_threshold_ms = WholeNumber(
        required=False, min_value=1, max_value=600_000, help_text="Default 500, or timeout_ms when that is shorter."
    )
    slow_call_rate_threshold = Number(required=False, min_value=0.01, max_value=100, help_text="Percent. Default 50.")
    minimum_number_of_calls = WholeNumber(
        required=False, min_value=1, max_value=1_000_000, help_text="Default 20, or a shorter COUNT_BASED window."
    )
    sliding_window_type = serializers.ChoiceField(WindowType.choices, required=False, help_text="Default TIME_BASED.")
    sliding_window_size = WholeNumber(
        required=False,
        min_value=1,
        max_value=LONGEST_WINDOW,
        help_text="Seconds or calls. Default 30, or what the minimum needs.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        known = POLICIES[attrs["type"]].__struct_fields__
        foreign = [name for name in attrs if name != "type" and name not in known]
        if foreign:
            text = f"A {attrs['type']} policy has no such field; it knows {', '.join(sorted(known))}."
            raise serializers.ValidationError({name: [ErrorDetail(text, "unknown_field")] for name in foreign})
        return attrs


class BreakerShape(StrictSerializer):
    mode = serializers.ChoiceField(Mode.choices, required=False, help_text="Default enforce.")
    policies = PolicyShape(many=True, required=False, help_text="Default: open after 5 failures in a row.")
    wait_duration_in_open_state_s = Number(required=False, min_value=0.1, max_value=86_400, help_text="Default 30.")
    wait_backoff_multiplier = Number(required=False, min_value=1, max_value=10, help_text="Default 1.")
    max_wait_duration_in_open_state_s = Number(
        required=False,
        allow_null=True,
        min_value=0.1,
        max_value=604_800,
        help_text="Default 600, or the wait if longer.",
    )
    permitted_number_of_calls_in_half_open_state = WholeNumber(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=1000,
        help_text="Default 3, or what probe.count and success_threshold need.",
    )
    success_threshold = WholeNumber(
        required=False, allow_null=True, min_value=1, max_value=1000, help_text="Default: all permitted calls."
    )
    max_wait_duration_in_half_open_state_s = Number(
        required=False,
        allow_null=True,
        min_value=0.1,
        max_value=86_400,
        help_text="Default 30, or as long as a probe round may take.",
    )
    half_open_by = serializers.ChoiceField(
        HalfOpenBy.choices, required=False, allow_null=True, help_text="Default probe when there is one, else traffic."
    )


class ProbeShape(StrictSerializer):
    method = serializers.ChoiceField(ProbeMethod.choices, required=False, help_text="Default GET.")
    path = Checked(_probe_path, required=False, max_length=500, help_text="Below base_url. Default /health.")
    expect_status = Checked(
        _statuses, required=False, max_length=100, help_text="200, 2xx, 200-299, joined by commas. Default 200-299."
    )
    expect_body_contains = Text(
        required=False,
        allow_null=True,
        allow_blank=True,
        trim_whitespace=False,
        max_length=500,
        help_text="Default null.",
    )
    timeout_ms = WholeNumber(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=60_000,
        help_text="Default 1000, or less when a round must fit a stated max_wait_duration_in_half_open_state_s.",
    )
    interval_s = Number(required=False, min_value=0.1, max_value=86_400, help_text="Default 10.")
    count = WholeNumber(
        required=False, allow_null=True, min_value=1, max_value=1000, help_text="Default: the permitted trial calls."
    )

    def validate_expect_body_contains(self, value: str | None) -> str | None:
        return value or None


class ClassificationShape(StrictSerializer):
    match = Checked(parse_match, max_length=200, help_text="Statuses, classes, ranges or error names, joined by |.")
    outcome = serializers.ChoiceField(["success", "failure", "ignore", "throttle"])


class ContractShape(StrictSerializer):
    limit = WholeNumber(min_value=1, max_value=100_000)
    period_s = Number(min_value=0.1, max_value=86_400)
    on_exhausted = serializers.ChoiceField(OnExhausted.choices, required=False, help_text="Default reject.")
    max_wait_ms = WholeNumber(required=False, min_value=0, max_value=60_000, help_text="Default 500.")


class CacheShape(StrictSerializer):
    write_through = Flag(required=False, help_text="Default true.")
    ttl_s = Number(required=False, min_value=0, max_value=31_536_000, help_text="Default 0: every request is a call.")
    max_stale_s = Number(required=False, min_value=0, max_value=31_536_000, help_text="Default 86400.")
    vary_headers = serializers.ListField(child=HeaderName(), required=False, max_length=20, help_text="Default [].")


class ProxyShape(StrictSerializer):
    url = Checked(proxy_url, max_length=500, help_text="http://host:port. Its address is checked like a target's.")
    username = Text(required=False, allow_blank=True, max_length=200)
    password = SecretField()

    def validate_username(self, username: str) -> str:
        return _user(username)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("password") and not attrs.get("username"):
            raise serializers.ValidationError({"username": [ErrorDetail("Whose password is it?", "required")]})
        return attrs


class CredentialsShape(StrictSerializer):
    type = serializers.ChoiceField(["basic", "header"])
    username = Text(required=False, max_length=200, help_text="basic")
    password = SecretField()
    name = HeaderName(required=False, help_text="header: such as X-Api-Key, or Authorization.")
    value = SecretField()

    def validate_username(self, username: str) -> str:
        return _user(username)

    def validate_name(self, name: str) -> str:
        if name.lower() in OWN_HEADERS:
            raise serializers.ValidationError("The wire writes this header itself; choose another.", "own")
        return name

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        wanted = {"basic": ("username", "password"), "header": ("name", "value")}[attrs["type"]]
        foreign = [name for name in attrs if name != "type" and name not in wanted and attrs[name] is not None]
        problems = {
            name: [ErrorDetail(f"Credentials of type {attrs['type']} have no {name}.", "unknown_field")]
            for name in foreign
        }
        problems |= {name: [ErrorDetail("This is needed.", "required")] for name in wanted if not attrs.get(name)}
        if problems:
            raise serializers.ValidationError(problems)
        return {name: attrs[name] for name in ("type", *wanted)}


def _user(username: str) -> str:
    if ":" in username or any(letter < " " or letter > "ÿ" for letter in username):
        raise serializers.ValidationError("Leave out colons, control characters and what is not Latin-1.", "invalid")
    return username


class FallbackShape(StrictSerializer):
    static = StaticAnswer(required=False, allow_null=True, help_text="Default null: no static answer.")


class TargetShape(StrictSerializer):
    slug = Slug(required=False, help_text="As in the address.")
    title = Text(required=False, allow_blank=True, max_length=200)
    description = Text(required=False, allow_blank=True, max_length=4000)
    owner = Text(required=False, allow_blank=True, max_length=200)
    team = Text(required=False, allow_blank=True, max_length=200)
    tags = serializers.ListField(child=Word(), required=False, max_length=50)
    contact = Text(required=False, allow_blank=True, max_length=200)
    runbook_url = Checked(web_address, required=False, allow_blank=True, max_length=500)
    status_page_url = Checked(web_address, required=False, allow_blank=True, max_length=500)
    base_url = Checked(base_url, max_length=500, help_text="http(s), without credentials, query or fragment.")
    kind = serializers.ChoiceField(Kind.choices, required=False, help_text="Default http.")
    timeout_ms = WholeNumber(required=False, min_value=1, max_value=600_000, help_text="Default 2000.")
    max_concurrency = WholeNumber(required=False, min_value=1, max_value=10_000, help_text="Per process. Default 64.")
    follow_redirects = Flag(required=False, help_text="Default false.")
    on_store_error = serializers.ChoiceField(OnStoreError.choices, required=False, help_text="Default allow.")
    breaker = BreakerShape(required=False, allow_null=True)
    probe = ProbeShape(required=False, allow_null=True, help_text="Default null: no probe.")
    classification = ClassificationShape(many=True, required=False, help_text="The first rule that matches wins.")
    contracts = ContractShape(many=True, required=False)
    cache = CacheShape(required=False, allow_null=True)
    fallback = FallbackShape(required=False, allow_null=True)
    proxy = ProxyShape(required=False, allow_null=True, help_text="Default null: calls go straight to base_url.")
    credentials = CredentialsShape(
        required=False, allow_null=True, help_text="Default null: nothing is added to calls."
    )
