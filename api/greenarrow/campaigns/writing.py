"""Making a campaign what a client wants it to be: one domain act a thing, all in the request's transaction."""

from collections.abc import Callable
from typing import Any

from django.conf import settings as django_settings
from django.db import transaction

from api.greenarrow.campaigns import dispatch_keys, rows, scheduling, shapes, wanted, winner
from api.greenarrow.campaigns.wanted import UNSAID, AdHoc, Wanted
from api.greenarrow.errors import NotFound
from api.greenarrow.reading import Given
from api.greenarrow.routing import Call
from audience import segments
from audience.criteria import greenarrow
from audience.criteria.tree import conditions, to_json
from audience.models import MailingList, Segment
from campaigns import contents, drafts, lifecycle
from campaigns.errors import NotReady
from campaigns.models import Campaign, Channel, State
from content.models import MergeLanguage
from delivery import dispatches
from splittests import planning
from splittests.models import SplitTest

AD_HOC = "Ad hoc"


def create(call: Call, mailing_list: MailingList, asked: Wanted) -> Campaign:
    campaign = drafts.create(
        call.organization, by=call.by, name=str(asked.name), channel=Channel.EMAIL, edition=mailing_list.edition
    )
    dispatches.settle(campaign, by=call.by, mailing_list=mailing_list)
    campaign = rows.again(call, campaign)
    change(call, campaign, asked, mailing_list)
    return rows.again(call, campaign)


def update(call: Call, campaign: Campaign, asked: Wanted) -> Campaign:
    mailing_list = shapes.home(campaign, dispatches.of(campaign))
    if asked.name is not None and asked.name != campaign.name:
        drafts.edit(campaign, by=call.by, name=asked.name)
    change(call, campaign, asked, mailing_list)
    return rows.again(call, campaign)


def change(call: Call, campaign: Campaign, asked: Wanted, mailing_list: Any) -> None:
    """What is written first, and then when it goes out. A change that leaves a scheduled campaign incomplete takes its
    schedule away; the time is kept."""
    settings = asked.dispatch
    begins_at = (
        wanted.moment_of(settings, call.now, django_settings.GREENARROW_BEGINS_AT_MAX_PAST) if settings else None
    )
    if asked.archived is not None:
        dispatches.settle(campaign, by=call.by, is_archived=asked.archived)
    _keeping_schedule(call, campaign, lambda row: _write(call, row, asked, mailing_list))
    row = rows.again(call, campaign)
    if settings is not None:
        scheduling.apply(call, row, settings, begins_at)
    elif asked.contents is not None or asked.segment is not UNSAID:
        scheduling.apply(call, row, dispatch_keys.Settings(), None)


def _keeping_schedule(call: Call, campaign: Campaign, write: Callable[[Campaign], None]) -> None:
    try:
        with transaction.atomic():
            write(campaign)
    except NotReady:
        if campaign.state != State.SCHEDULED:
            raise
        lifecycle.unschedule(campaign, by=call.by, reason="It is not complete any more.")
        write(rows.again(call, campaign))


def _write(call: Call, campaign: Campaign, asked: Wanted, mailing_list: Any) -> None:
    if asked.dispatch is not None:
        dispatches.settle(campaign, by=call.by, is_defined=True, **asked.dispatch.columns)
    if asked.contents is not None:
        sender = _sender(rows.again(call, campaign))
        contents.write(campaign, asked.contents, by=call.by, merge_language=MergeLanguage.GREENARROW, sender=sender)
    if asked.dispatch is not None and asked.dispatch.sender:
        contents.set_sender(rows.again(call, campaign), asked.dispatch.sender, by=call.by)
    if asked.segment is not UNSAID:
        _set_segment(call, campaign, asked.segment, mailing_list)
    if asked.dispatch is not None and asked.dispatch.winner:
        _set_winner(call, campaign, asked.dispatch.winner)


def _sender(campaign: Campaign) -> dict[str, str]:
    """That of the contents there are, else what was said before there were any."""
    said, dispatch = contents.written(campaign), dispatches.of(campaign)
    first = said[0].email if said else None
    return {name: (getattr(first, name, "") or getattr(dispatch, name) or "") for name in contents.SENDER}


# --- the segment ---------------------------------------------------------------------------------------------------


def _set_segment(call: Call, campaign: Campaign, said: Any, mailing_list: Any) -> None:
    segment = _ad_hoc(call, campaign, said, mailing_list) if isinstance(said, AdHoc) else said
    kept = [part for part in campaign.audience.all() if part.excluded]
    parts = [drafts.Part(mailing_list=part.mailing_list, segment=part.segment, excluded=True) for part in kept]
    if segment is not None:
        parts.insert(0, drafts.Part(mailing_list=mailing_list, segment=segment))
    if segment is None and _segment_of(campaign) is None:
        return  # nothing was chosen, and nothing is
    drafts.edit(campaign, by=call.by, audience=parts)


def _ad_hoc(call: Call, campaign: Campaign, said: AdHoc, mailing_list: Any) -> Segment:
    """The campaign's own segment; the one it has where that says the same."""
    there = _segment_of(campaign)
    if there is not None and there.is_ad_hoc and there.written_as == said.written:
        return there
    return ad_hoc(call, said.definition, mailing_list)


def ad_hoc(call: Call, definition: Any, mailing_list: Any, *, name: str = AD_HOC, is_ad_hoc: bool = True) -> Segment:
    lists = [mailing_list] if mailing_list else []
    return segments.create(
        call.organization,
        by=call.by,
        name=name,
        mailing_lists=lists,
        is_ad_hoc=is_ad_hoc,
        **rules(call, definition, lists),
    )


def rules(call: Call, definition: Any, lists: Any) -> dict[str, Any]:
    """A definition as the columns of a segment. Raises InvalidDefinition, and NotFound for a campaign it names."""
    tree = greenarrow.parse(definition, organization=call.organization, mailing_lists=lists)
    _require_campaigns(call, tree)
    written = AdHoc(definition).written
    return {"rules": to_json(tree), "written_in": Segment.Language.GREENARROW, "written_as": written}


def _require_campaigns(call: Call, tree: Any) -> None:
    said: list[Any] = [each.value for each in conditions(tree) if each.field.startswith("campaign.")]
    named: set[int] = {pk for value in said if isinstance(value, dict) for pk in value.get("campaigns", ())}
    known = Campaign.objects.of(call.organization).filter(pk__in=named).values_list("pk", flat=True)
    if unknown := named - set(known):
        raise NotFound(f"segmentation criteria: there is no campaign {min(unknown)}")


def _segment_of(campaign: Campaign) -> Segment | None:
    part = campaign.audience.filter(excluded=False, segment__isnull=False).select_related("segment").first()
    return part.segment if part else None


# --- automatic winner selection ------------------------------------------------------------------------------------


def _set_winner(call: Call, campaign: Campaign, said: dict[str, Any]) -> None:
    test = SplitTest.objects.filter(campaign=campaign).first()
    before = winner.settings_of(test, dispatches.of(campaign))
    after = {**before, **said}
    if after == before:
        return
    if after["autowinner_enabled"]:
        given = Given({}, prefix="dispatch.")
        winner.enough(after, given)
        given.require_valid()
        planning.plan(campaign, by=call.by, **winner.plan(after))
    else:
        if test is not None:
            planning.drop(campaign, by=call.by)
        elif not any(after[name] != before[name] for name in winner.KEYS):
            return
        dispatches.settle(campaign, by=call.by, winner={name: after[name] for name in winner.KEYS})
