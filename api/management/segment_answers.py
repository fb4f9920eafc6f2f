"""What can be asked of rules: what they can be about, whether they are right, whom they mean, and why."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Organization
from accounts.permissions import Permission
from api.management.fields import PublicIdRelatedField, of_organization
from api.management.segment_rules import Place, RulesField, columns
from audience.criteria import cel, compiler
from audience.criteria.explain import Explained
from audience.criteria.tree import from_json
from audience.criteria.vocabulary import Vocabulary
from audience.models import MailingList, Subscriber
from audience.segments import Explanation

Field = serializers.Field[Any, Any, Any, Any]
_TYPES = {"number": "number", "boolean": "bool", "moment": "timestamp", "tags": "list", "multi_choice": "list"}
_FUNCTIONS = (
    ('user.in_list("lst_…")', "On this list, whatever the status there."),
    ('user.in_segment("seg_…")', "In this segment."),
    ('user.opened("cmp_…")', "Opened this campaign; user.opened() asks for any."),
    ('user.clicked("cmp_…")', "Clicked in this campaign; user.clicked() asks for any."),
    ("has(user.phone)", "Has a value."),
    ('user.email.contains("…")', "Also startsWith and endsWith; without regard to capital letters."),
    ('"…" in user.tags', "Has this tag, or of a field with several choices this one."),
    ('user.status in ["…", "…"]', "Is one of these."),
    ('user.created > now - duration("720h")', "In the last 720 hours; m, h, d and w are understood."),
    ('user.created < timestamp("2026-03-31T09:00:00Z")', "Before this moment."),
)


class ConditionVariableSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="As a condition writes it.")
    title = serializers.CharField(help_text="As people read it.")
    type = serializers.CharField(help_text="string, number, bool, timestamp or list.")
    choices = serializers.ListField(
        child=serializers.CharField(), help_text="The only values; empty where any will do."
    )


class ConditionFunctionSerializer(serializers.Serializer[Any]):
    example = serializers.CharField()
    description = serializers.CharField()


class ConditionContextSerializer(serializers.Serializer[Any]):
    variables = ConditionVariableSerializer(many=True)
    functions = ConditionFunctionSerializer(many=True)
    operators = serializers.ListField(child=serializers.CharField())


def context(place: Place) -> dict[str, Any]:
    """What conditions can be about in this organization, and for people on these lists."""
    return {
        "variables": [
            _variable(subject) for subject in Vocabulary(place.scope).available() if cel.name_of(subject.name)
        ],
        "functions": [{"example": example, "description": said} for example, said in _FUNCTIONS],
        "operators": ["&&", "||", "!", "==", "!=", "<", "<=", ">", ">=", "in"],
    }


def _variable(subject: Any) -> dict[str, Any]:
    kind = getattr(subject, "kind", "text")
    return {
        "name": cel.name_of(subject.name),
        "title": subject.label,
        "type": _TYPES.get(kind, "string"),
        "choices": list(getattr(subject, "choices", ())),
    }


class RulesPlaceSerializer(serializers.Serializer[Any]):
    """Where rules are to be read."""

    organization_id: Field = PublicIdRelatedField(
        source="organization", queryset=Organization.objects.all(), permission=Permission.READ
    )
    mailing_list_ids: Field = PublicIdRelatedField(
        source="mailing_lists", queryset=MailingList.objects.all(), many=True, required=False
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for mailing_list in attrs.get("mailing_lists", ()):
            of_organization({"list": mailing_list}, attrs["organization"], {"list": "mailing_list_ids"})
        return attrs

    @property
    def place(self) -> Place:
        return Place(self.validated_data["organization"], self.validated_data.get("mailing_lists", ()))


class RulesToCheckSerializer(RulesPlaceSerializer):
    condition = serializers.CharField(allow_blank=True, required=False, default=None, allow_null=True)
    definition = RulesField(required=False, default=None, allow_null=True)


class CheckedRulesSerializer(serializers.Serializer[Any]):
    condition = serializers.CharField(allow_null=True, help_text="Null where only the definition can say it.")
    definition = serializers.DictField(help_text="The rule tree.")
    sentence = serializers.CharField(help_text="In English, to be read after “people where”; empty for everybody.")


def checked(asked: RulesToCheckSerializer) -> dict[str, Any]:
    """Raises ValidationError and InvalidRules."""
    place, data = asked.place, asked.validated_data
    read = columns(place, data["condition"], data["definition"])
    tree = from_json(read.get("rules", {}))
    compiler.compile_tree(tree, place.scope)
    said = data["condition"] if data["condition"] else cel.written(tree)
    return {"condition": said, "definition": read.get("rules", {}), "sentence": compiler.sentence(tree, place.scope)}


# --- people ------------------------------------------------------------------------------------------------------


class SampledPersonSerializer(serializers.ModelSerializer[Subscriber]):
    id = serializers.CharField(source="public_id", read_only=True)
    email = serializers.CharField(read_only=True, allow_null=True)

    class Meta:
        model = Subscriber
        fields: ClassVar = ["id", "email", "phone"]
        read_only_fields: ClassVar = ["phone"]


class SegmentSampleSerializer(serializers.Serializer[Any]):
    results = SampledPersonSerializer(many=True)


class SampleSizeSerializer(serializers.Serializer[Any]):
    size = serializers.IntegerField(min_value=1, max_value=100, required=False, default=20)


class WhomSerializer(serializers.Serializer[Any]):
    subscriber_id: Field = PublicIdRelatedField(source="subscriber", queryset=Subscriber.objects.all())


class SegmentExplanationSerializer(serializers.Serializer[Any]):
    is_in = serializers.BooleanField(
        help_text="By one of the ways; whether they may be written to is another question."
    )
    ways = serializers.SerializerMethodField()

    @extend_schema_field(
        {
            "type": "array",
            "description": "One for each subscription to the segment's lists; one for the person if it names none.",
            "items": {
                "type": "object",
                "required": ["mailing_list_id", "rules"],
                "properties": {
                    "mailing_list_id": {"type": "string", "nullable": True},
                    "rules": {
                        "type": "object",
                        "description": "sentence, holds, is_unanswerable, and parts: the same of each rule inside.",
                        "additionalProperties": {},
                    },
                },
            },
        }
    )
    def get_ways(self, explanation: Explanation) -> list[dict[str, Any]]:
        return [
            {"mailing_list_id": way.row and way.row.mailing_list.public_id, "rules": _explained(way.explained)}
            for way in explanation.ways
        ]


def _explained(explained: Explained) -> dict[str, Any]:
    return {
        "sentence": explained.sentence,
        "holds": explained.holds,
        "is_unanswerable": explained.is_unanswerable,
        "parts": [_explained(part) for part in explained.parts],
    }
