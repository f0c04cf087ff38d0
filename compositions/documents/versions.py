"""The shapes of a composition's versions, of what differs between two, and of definitions that come and go."""

from typing import Any

from rest_framework import serializers

from breakers.documents.defaults import Document
from breakers.documents.fields import Flag, Text, WholeNumber
from compositions.models import Composition, CompositionVersion
from compositions.models.compositions import LONGEST_EXPRESS_MS
from compositions.versions import Comparison
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.rest import StrictSerializer

from .compositions import TYPES, DefinitionField, ReviewView

LONGEST_REASON = 1000


class VersionView(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    type = serializers.ChoiceField(TYPES)
    digest = serializers.CharField(help_text="The same for definitions that differ in layout only.")
    by = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    stands = serializers.BooleanField(help_text="It is the one that runs.")


class WholeVersionView(VersionView):
    definition = DefinitionField()


class DifferenceView(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="/States/Ask/Next")
    before = serializers.CharField(allow_null=True, help_text="As JSON; null: it was not there.")
    after = serializers.CharField(allow_null=True)


class StatesView(serializers.Serializer[Any]):
    added = serializers.ListField(child=serializers.CharField())
    removed = serializers.ListField(child=serializers.CharField())
    changed = serializers.ListField(child=serializers.CharField())


class ComparisonView(serializers.Serializer[Any]):
    older = serializers.IntegerField(help_text="Number of the version that is compared with.")
    newer = serializers.IntegerField()
    unified = serializers.CharField(allow_blank=True, help_text="Unified diff of the texts as they were written.")
    states = StatesView()
    fields = DifferenceView(many=True)  # type: ignore[assignment]


class RollbackShape(StrictSerializer):
    version = WholeNumber(min_value=1, help_text="Whose definition is to stand again, as a new version.")
    reason = Text(required=False, allow_blank=True, max_length=LONGEST_REASON)


class CheckShape(StrictSerializer):
    definition = DefinitionField()
    type = serializers.ChoiceField(TYPES, required=False, help_text="Default EXPRESS.")
    deadline_ms = WholeNumber(required=False, allow_null=True, min_value=1, max_value=LONGEST_EXPRESS_MS)
    meta = Flag(required=False)


class ReachView(serializers.Serializer[Any]):
    required = serializers.ListField(  # type: ignore[assignment]
        child=serializers.CharField(), help_text="Targets that it cannot do without."
    )
    optional = serializers.ListField(child=serializers.CharField(), help_text="Targets whose failure a Catch takes.")
    calls = serializers.DictField(child=serializers.FloatField(), help_text="Most calls of one run, by target.")
    uncounted = serializers.ListField(child=serializers.CharField(), help_text="Targets in loops and Maps: at least.")
    compositions = serializers.ListField(child=serializers.CharField(), help_text="Compositions that it runs.")
    longest_s = serializers.FloatField(help_text="The longest that a run takes by the limits of its steps.")


class CheckedView(serializers.Serializer[Any]):
    valid = serializers.BooleanField(help_text="A PUT would take it.")
    findings = ReviewView(many=True)
    reach = ReachView(allow_null=True, help_text="Null where the definition is not valid.")


class BroughtShape(StrictSerializer):
    source = DefinitionField(  # type: ignore[assignment]
        help_text="A definition, an export of DescribeStateMachine, or a template with one state machine: as an "
        "object, or as text in JSON or YAML."
    )
    type = serializers.ChoiceField(TYPES, required=False, help_text="Default: as the source says, else as it was.")
    substitutions = serializers.DictField(
        child=Text(allow_blank=True, max_length=2000), required=False, help_text="Values of ${Name} in a template."
    )
    reason = Text(required=False, allow_blank=True, max_length=LONGEST_REASON)


def version(row: CompositionVersion, standing: Composition | None) -> Document:
    return {
        "number": row.number,
        "type": row.type,
        "digest": row.digest,
        "by": row.by,
        "reason": row.reason,
        "created_at": rfc3339(row.created_at),
        "stands": standing is not None and standing.version == row.number,
    }


def comparison(older: int, newer: int, found: Comparison) -> Document:
    return {
        "older": older,
        "newer": newer,
        "unified": found.lines,
        "states": {"added": found.added, "removed": found.removed, "changed": found.changed},
        "fields": [field._asdict() for field in found.fields],
    }
