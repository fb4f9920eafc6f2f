"""What is typed on the page of the variants: weights and texts, one more variant, and the plan of their test."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import QuerySet

from accounts.admin.pages import DeskForm
from campaigns.models import Campaign, Channel, Variant
from campaigns.variants import HEAVIEST, LONGEST_SMS
from content.models import Email
from splittests.models import SplitTest
from splittests.preflight import OF_OPENS

ALL, TEST = "all", "test"
SUBJECT, CONTENT, EXISTING = "subject", "content", "existing"
EMAILS_OFFERED = 200
HUNDRED = Decimal(100)
# Stored as fractions, typed as percentages.
AS_PERCENT = ("least_difference", "certainty")
PLAIN = ("share_percent", "metric", "wait", "wait_unit", "least_people", "when_unclear")


class VariantsForm(DeskForm):
    """Weights (`weight_0`...) and for SMS texts (`text_0`...) by place; how they are tried; what is to be added."""

    mode = forms.ChoiceField(
        label="How are they sent?",
        choices=(
            (ALL, "All to everybody at once, each to its share"),
            (TEST, "On a sample first; the best goes to everybody else"),
        ),
        widget=forms.RadioSelect,
    )
    share_percent = forms.DecimalField(
        label="Sample in %", min_value=Decimal("0.01"), max_value=HUNDRED, max_digits=5, decimal_places=2
    )
    metric = forms.ChoiceField(label="Compare them by", choices=SplitTest.Metric.choices)
    wait = forms.IntegerField(
        label="Wait", min_value=1, max_value=32_767, help_text="After the last message of the sample has left."
    )
    wait_unit = forms.ChoiceField(label="Unit", choices=SplitTest.Unit.choices)
    least_people = forms.IntegerField(
        label="People a variant needs",
        min_value=0,
        max_value=2_147_483_647,
        help_text="Delivered to fewer, it cannot be compared, and there is no winner.",
    )
    least_difference = forms.DecimalField(
        label="Lead that counts, in %",
        min_value=Decimal(0),
        max_value=Decimal(900),
        decimal_places=2,
        help_text="Of the rate of the second: 5 % ahead of 20 % is 21 %.",
    )
    certainty = forms.DecimalField(
        label="Certainty, in %",
        min_value=Decimal(0),
        max_value=HUNDRED,
        decimal_places=2,
        help_text="How likely the first has to be the best. 95 is usual.",
    )
    when_unclear = forms.ChoiceField(
        label="Where there is no clear difference",
        choices=(
            (SplitTest.WhenUnclear.LEADER, "Send the one ahead all the same"),
            (SplitTest.WhenUnclear.FIRST, "Send A"),
            (SplitTest.WhenUnclear.ASK, "Ask us: the campaign waits, and you get a mail"),
        ),
        widget=forms.RadioSelect,
    )
    how = forms.ChoiceField(
        label="What it says",
        choices=(
            (SUBJECT, "The same as A, with another subject"),
            (CONTENT, "The same as A, to be rewritten in the editor"),
            (EXISTING, "Another email that is there"),
        ),
        widget=forms.RadioSelect,
        required=False,
    )
    subject = forms.CharField(label="Its subject", max_length=998, required=False)
    email = forms.ModelChoiceField(Email.objects.none(), required=False, empty_label="Choose an email…")
    sms_body = forms.CharField(
        label="Its text", required=False, max_length=LONGEST_SMS, widget=forms.Textarea(attrs={"rows": 3})
    )
    seen = forms.CharField(required=False, max_length=32, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, campaign: Campaign, initial: dict[str, Any]) -> None:
        self.variants = list(campaign.variants.select_related("email").order_by("position"))
        self.is_sms = campaign.channel == Channel.SMS
        super().__init__(data, initial=initial | {"how": SUBJECT})
        for place, variant in enumerate(self.variants):
            self._add_fields(place, variant)
        fields: dict[str, Any] = self.fields
        emails = Email.objects.of(campaign.organization).order_by("-modified_at")
        fields["email"].queryset, fields["email"].choices = emails, _offered(emails)
        for name in (*PLAIN, *AS_PERCENT):
            fields[name].required = self.wants_test
        for name in (*PLAIN, *AS_PERCENT, "subject", "email", "sms_body"):
            fields[name].is_needed = True
        if self.is_sms:
            fields["metric"].choices = [each for each in SplitTest.Metric.choices if each[0] not in OF_OPENS]

    def _add_fields(self, place: int, variant: Variant) -> None:
        weight = forms.IntegerField(min_value=0, max_value=HEAVIEST, initial=variant.weight)
        weight.widget.attrs |= {"class": "bs-input", "aria-label": f"Weight of {variant.name}"}
        self.fields[f"weight_{place}"] = weight
        if self.is_sms:
            widget = forms.Textarea(attrs={"rows": 3, "class": "bs-textarea", "aria-label": f"Text of {variant.name}"})
            text = forms.CharField(max_length=LONGEST_SMS, required=False, widget=widget, initial=variant.sms_body)
            self.fields[f"text_{place}"] = text

    @property
    def wants_test(self) -> bool:
        return bool(self["mode"].value() == TEST)

    @property
    def weights(self) -> list[int]:
        return [self.cleaned_data[f"weight_{place}"] for place in range(len(self.variants))]

    @property
    def texts(self) -> list[str]:
        return [self.cleaned_data[f"text_{place}"] for place in range(len(self.variants))] if self.is_sms else []

    @property
    def settings(self) -> dict[str, Any]:
        """As `splittests.planning.plan` takes them."""
        given = self.cleaned_data
        return {name: given[name] for name in PLAIN} | {name: given[name] / HUNDRED for name in AS_PERCENT}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The variants as they are drawn."""
        return [
            {
                "place": place,
                "variant": variant,
                "weight": self[f"weight_{place}"],
                "text": self[f"text_{place}"] if self.is_sms else None,
                "is_last": place == len(self.variants) - 1,
            }
            for place, variant in enumerate(self.variants)
        ]

    @property
    def planned_fields(self) -> list[forms.BoundField]:
        """The settings of the test, to be handed on where there is nothing to try yet."""
        return [self[name] for name in (*PLAIN, *AS_PERCENT)]

    def require_new(self) -> bool:
        """Whether what is to be added is complete; says what is missing where it is."""
        given = self.cleaned_data
        if self.is_sms and not given["sms_body"].strip():
            self.add_error("sms_body", "Write its text.")
        elif not self.is_sms and given["how"] == EXISTING and given["email"] is None:
            self.add_error("email", "Choose the email.")
        elif not self.is_sms and given["how"] == SUBJECT and not given["subject"].strip():
            self.add_error("subject", "Write its subject.")
        return not self.errors


def initial_of(test: SplitTest | None, *, seen: str) -> dict[str, Any]:
    """What is planned, or what would be by default."""
    shown = test or SplitTest()
    values: dict[str, Any] = {name: getattr(shown, name) for name in PLAIN}
    values |= {name: _plain(getattr(shown, name) * HUNDRED) for name in AS_PERCENT}
    values["share_percent"] = _plain(shown.share_percent)
    return values | {"mode": TEST if test else ALL, "seen": seen}


def _plain(number: Decimal) -> str:
    """12.5 for 12.50, and 100 for 1E+2."""
    return f"{number.normalize():f}"


def _offered(emails: QuerySet[Email]) -> Sequence[tuple[Any, str]]:
    rows = emails.only("pk", "title", "subject")[:EMAILS_OFFERED]
    return [("", "Choose an email…"), *((each.pk, f"{each.title} – {each.subject or 'no subject'}") for each in rows)]
