"""The OpenAPI document describes every address without a guess."""

from io import StringIO

from django.conf import settings
from django.core.management import call_command


def test_the_schema_is_valid_and_made_without_a_warning() -> None:
    written = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=written)
    for noun in ("stages", "compositions", "pipes", "usage plans", "keys", "throttles", "rules"):
        assert noun in settings.SPECTACULAR_SETTINGS["DESCRIPTION"]
    for address in (
        "targets/{slug}",
        "breakers/{target}/override",
        "journeys/{slug}/delay",
        "routes/{slug}",
        "compositions/{slug}",
        "pipes/{slug}/redrive",
        "config",
    ):
        assert f"/api/v1/{address}:" in written.getvalue()
