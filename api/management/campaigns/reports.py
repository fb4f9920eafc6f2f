"""A campaign's whole report: over time, by variant, domain, program and device, and what is usual."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from api.management.campaigns.figures import RawStatsSerializer, figure_fields
from campaigns.models import Campaign
from stats.figures import Figures
from stats.report_rows import Report
from stats.reports import report


class FiguresSerializer(serializers.Serializer[Any]):
    """Every figure and rate, as people made it."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return figure_fields()


class LocalMoment(serializers.DateTimeField):
    """A time with the offset it was given with."""

    def enforce_timezone(self, value: datetime) -> datetime:
        return value


class PointSerializer(serializers.Serializer[Any]):
    """What came in one hour or day; `opened` and `clicked` are people at their first time, so that they add up."""

    at = LocalMoment(help_text="When the step began, in the time zone of the edition or organization.")
    opens = serializers.IntegerField()
    opened = serializers.IntegerField()
    clicks = serializers.IntegerField()
    clicked = serializers.IntegerField()
    raw_opens = serializers.IntegerField(help_text="As `opens`, programs included; so are the others that begin so.")
    raw_opened = serializers.IntegerField()
    raw_clicks = serializers.IntegerField()
    raw_clicked = serializers.IntegerField()


class RowSerializer(serializers.Serializer[Any]):
    """Some of the recipients, by what they have in common."""

    name = serializers.CharField()
    figures = FiguresSerializer()
    raw = RawStatsSerializer()


class DomainRowSerializer(RowSerializer):
    others = serializers.IntegerField(help_text="How many smaller domains the row holds together; 0 where it is one.")


class AverageSerializer(serializers.Serializer[Any]):
    """The mean rates of the organization's last campaigns of this channel."""

    campaigns = serializers.IntegerField(help_text="How many it is made of; 0 where there is nothing to compare with.")
    figures = serializers.DictField(child=serializers.FloatField(), help_text="Rates by name.")
    raw = serializers.DictField(child=serializers.FloatField(), help_text="The same with every hit.")


class ReportSerializer(serializers.Serializer[Any]):
    """Figures as people made them, and under `raw` what programs can make too, with every hit."""

    figures = FiguresSerializer()
    raw = RawStatsSerializer()
    hours = PointSerializer(many=True, help_text="The first seven days, hour by hour.")
    days = PointSerializer(many=True, help_text="Every day from the first hit to the last.")
    variants = RowSerializer(many=True)
    domains = DomainRowSerializer(many=True, help_text="Most recipients first, the smaller ones together at the end.")
    clients = RowSerializer(many=True, help_text="Programs, by opens and clicks; the name is empty if not known.")
    devices = RowSerializer(many=True, help_text="desktop, phone, tablet, by opens and clicks; empty if not known.")
    skip_reasons = serializers.DictField(child=serializers.IntegerField(), help_text="People skipped, by reason.")
    bounce_codes = serializers.DictField(child=serializers.IntegerField(), help_text="People by their first code.")
    average = AverageSerializer()
    counted_at = serializers.DateTimeField(
        allow_null=True,
        help_text="As of when variants, domains and skip reasons are counted; null where they are of this moment.",
    )


def report_of(campaign: Campaign) -> dict[str, Any]:
    """As `ReportSerializer` shows it; zeros before it was started."""
    found = report(campaign)
    return {
        "figures": found.figures,
        "raw": found.raw,
        "hours": found.hours.points,
        "days": found.days.points,
        "variants": [_row(each.variant.name, each.figures, each.raw) for each in found.variants],
        "domains": [_row(each.domain, each.figures, each.raw) | {"others": each.others} for each in found.domains],
        "clients": [_row(each.name, each.figures, each.raw) for each in found.clients],
        "devices": [_row(each.name, each.figures, each.raw) for each in found.devices],
        **_rest(found),
    }


def _rest(found: Report) -> dict[str, Any]:
    return {name: getattr(found, name) for name in ("skip_reasons", "bounce_codes", "average", "counted_at")}


def _row(name: str, figures: Figures, raw: Figures) -> dict[str, Any]:
    return {"name": name, "figures": figures, "raw": raw}
