"""What can be done with one person: put them on a list, take them off, ask again, hand out their data, forget them."""

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.admin.desk import actor
from accounts.admin.pages import PICK_LIST, DeskForm, page, row_number, to
from accounts.permissions import Permission
from audience import confirmations, privacy, subscriptions
from audience.admin.person_page import person_of
from audience.consent import Evidence
from audience.errors import AudienceError
from audience.models import MailingList, Subscriber, Subscription

Status = Subscription.Status


def _back(person: Subscriber) -> str:
    return to("audience_subscriber_change", person.pk)


def _question(request: HttpRequest, person: Subscriber, template: str, title: str, **context: Any) -> HttpResponse:
    crumbs = [("Subscribers", to("audience_subscriber_changelist")), (str(person), _back(person))]
    return page(
        request, f"admin/audience/subscriber/{template}.html", title=title, crumbs=crumbs, person=person, **context
    )


# --- lists -------------------------------------------------------------------------------------------------------


def unsubscribe(request: HttpRequest, pk: int) -> HttpResponse:
    """From one list, or from all of them: ask on GET, do it on POST."""
    person = person_of(request, pk, Permission.UPDATE)
    wanted = request.POST.get("list") or request.GET.get("list")
    lists = MailingList.objects.of(person.organization).filter(pk=row_number(wanted) or 0) if wanted else None
    if request.method != "POST":
        alive = person.subscriptions.kept().filter(status__in=[Status.SUBSCRIBED, Status.UNCONFIRMED])
        rows = alive.filter(mailing_list__in=lists) if lists is not None else alive
        ends = rows.select_related("mailing_list")
        return _question(request, person, "unsubscribe", "Unsubscribe", rows=ends, wanted=wanted or "")
    changed = subscriptions.unsubscribe(person, mailing_lists=lists, source="admin", by=actor(request).user)
    messages.success(request, f"{person} is unsubscribed from {changed} list{'' if changed == 1 else 's'}.")
    return redirect(_back(person))


class SubscribeForm(DeskForm):
    """On which list, and how it is known that the person wants it."""

    mailing_list = forms.ModelChoiceField(
        MailingList.objects.none(), label="List", empty_label="Choose a list…", widget=forms.Select(attrs=PICK_LIST)
    )
    wording = forms.CharField(
        required=False,
        max_length=2000,
        label="How do you know that they want it?",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Such as: ticked “Send me the weekly letter” on the card at the fair. It is kept as the proof. "
        "Needed for somebody who had left the list.",
    )

    def __init__(self, *args: Any, person: Subscriber, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        alive = person.subscriptions.filter(status=Status.SUBSCRIBED).values("mailing_list")
        lists = MailingList.objects.of(person.organization).exclude(pk__in=alive)
        self.fields["mailing_list"].queryset = lists  # type: ignore[attr-defined]


def subscribe(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask on GET, do it on POST as far as the list's rules allow it."""
    person = person_of(request, pk, Permission.UPDATE)
    form = SubscribeForm(request.POST or None, person=person, initial={"mailing_list": request.GET.get("list")})
    if request.method == "POST" and form.is_valid() and (row := _subscribe(request, person, form)):
        waits = row.status == Status.UNCONFIRMED
        told = f"was asked to confirm {row.mailing_list}" if waits else f"is on {row.mailing_list} now"
        messages.success(request, f"{person} {told}.")
        return redirect(_back(person))
    return _question(request, person, "subscribe", "Subscribe", form=form, status=422 if form.is_bound else 200)


def _subscribe(request: HttpRequest, person: Subscriber, form: SubscribeForm) -> Subscription | None:
    given = form.cleaned_data
    try:
        return subscriptions.subscribe(
            given["mailing_list"],
            email=person.email or "",
            phone=person.phone,
            source="admin",
            wording=given["wording"].strip(),
            by=actor(request).user,
        )
    except AudienceError as refused:
        form.add_error("wording" if not given["wording"] else None, str(refused))
        return None


def ask_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the confirmation mail of a list once more."""
    person = person_of(request, pk, Permission.UPDATE)
    evidence = Evidence(source="admin", by=actor(request).user)
    with transaction.atomic():
        rows = person.subscriptions.select_for_update(of=("self",)).select_related("mailing_list__organization")
        row = rows.filter(status=Status.UNCONFIRMED, mailing_list=row_number(request.POST.get("list")) or 0).first()
        sent = bool(row and person.email and confirmations.ask_again(row, evidence))
    if sent:
        messages.success(request, f"The confirmation mail goes to {person} once more.")
    else:
        messages.error(request, "It is not sent again now: they were asked lately, or there is nothing to confirm.")
    return redirect(_back(person))


def reset_bounce(request: HttpRequest, pk: int) -> HttpResponse:
    """The address works again."""
    person = person_of(request, pk, Permission.UPDATE)
    count = subscriptions.reset_bounce(person, by=actor(request))
    messages.success(request, f"{count} subscription{' is' if count == 1 else 's are'} as before the bounce.")
    return redirect(_back(person))


# --- their data --------------------------------------------------------------------------------------------------


def export(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything that is held about the person, as a file."""
    person = person_of(request, pk, Permission.UPDATE)
    data = json.dumps(privacy.export(person, by=actor(request)), ensure_ascii=False, indent=2)
    answer = HttpResponse(data, content_type="application/json; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{person.public_id}.json"'
    return answer


def _held(person: Subscriber) -> list[tuple[str, int]]:
    return [(name.replace("_", " "), rows) for name, rows in privacy.summary(person).items()]


def erase(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget the person: ask on GET with what goes, do it on POST."""
    person = person_of(request, pk, Permission.DELETE)
    if request.method != "POST":
        return _question(request, person, "erase", "Erase", held=_held(person))
    name = str(person)
    try:
        privacy.erase(person, by=actor(request), keep_out=request.POST.get("keep_out") == "on")
    except AudienceError as refused:
        messages.error(request, str(refused))
        return redirect(_back(person))
    messages.success(request, f"{name} is erased.")
    return redirect(to("audience_subscriber_changelist"))
