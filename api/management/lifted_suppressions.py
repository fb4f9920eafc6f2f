"""`lifted-suppressions/`: the history of suppressions that were taken away again."""

from typing import Any, ClassVar

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api.management.access import actor
from api.management.fields import NumberedIdField
from api.management.filters import OwnedFilters, moment, ordering
from api.management.pagination import BigPages
from api.management.suppressions import SCOPES, exactly
from api.management.views import NumberedView
from audience import lifting
from audience.models import LiftedSuppression, Suppression


class LiftedSuppressionSerializer(serializers.ModelSerializer[LiftedSuppression]):
    id = NumberedIdField("lif")
    organization_id = serializers.CharField(source="organization.public_id", allow_null=True, default=None)
    mailing_list_id = serializers.CharField(
        source="mailing_list.public_id",
        allow_null=True,
        default=None,
        help_text="null where it held for more than a list, and for a list that is gone.",
    )
    list_name = serializers.CharField(help_text="What the list was called; stays when the list goes.")
    scope = serializers.ChoiceField(SCOPES, help_text="Where it held.")
    value = serializers.CharField(help_text="Empty once it is forgotten; `source` and `why` are, too.")
    suppressed = serializers.DateTimeField(source="suppressed_at")
    lifted = serializers.DateTimeField(source="at")
    lifted_by = serializers.CharField(
        source="by.username", allow_null=True, default=None, help_text="null for somebody who is gone."
    )

    class Meta:
        model = LiftedSuppression
        fields: ClassVar = [
            "id",
            "organization_id",
            "mailing_list_id",
            "list_name",
            "scope",
            "kind",
            "value",
            "reason",
            "source",
            "suppressed",
            "lifted",
            "lifted_by",
            "surface",
            "why",
        ]
        read_only_fields: ClassVar = fields


class LiftedSuppressionFilters(OwnedFilters):
    mailing_list_id = django_filters.CharFilter("mailing_list__public_id", label="Only for this list.")
    kind = django_filters.ChoiceFilter(choices=Suppression.Kind.choices, label="What was suppressed.")
    reason = django_filters.ChoiceFilter(choices=Suppression.Reason.choices, label="Why it was suppressed.")
    value = django_filters.CharFilter(method="of_value", label="Exactly this address, domain or number.")
    lifted_after = moment("at", "gte", "Lifted at this time or later.")
    lifted_before = moment("at", "lt", "Lifted before this time.")
    ordering = ordering(lifted="pk")

    def of_value(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(value=exactly(value))


class LiftedSuppressionView(ListModelMixin, RetrieveModelMixin, NumberedView[LiftedSuppression]):
    """Which suppressions were lifted, by whom, when and why. Lines stay as they are."""

    id_prefix = "lif"
    queryset = LiftedSuppression.objects.select_related("organization", "mailing_list", "by")
    serializer_class = LiftedSuppressionSerializer
    filterset_class = LiftedSuppressionFilters
    pagination_class = BigPages
    needs: ClassVar = {"forget": Permission.DELETE}

    @extend_schema(request=None, responses=LiftedSuppressionSerializer, summary="Forget lifted suppression")
    @action(detail=True, methods=["post"])
    def forget(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let the line forget the address, its source and why it was lifted, for good; the rest stays.

        Erasing a subscriber does this by itself.
        """
        row = self.get_object()
        lifting.forget(LiftedSuppression.objects.filter(pk=row.pk), by=actor(request))
        row.refresh_from_db(fields=["value", "source", "why"])
        return Response(self.get_serializer(row).data)
