"""What is wrong with a campaign's variants and their test before anything has left, for `campaigns.completeness`."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from audience import selection
from campaigns.approval import EMAIL_FIELDS
from campaigns.models import Campaign, Channel, Variant
from content.preflight import Finding
from delivery import audiences, dispatches
from splittests.decisions import Metric
from splittests.models import SplitTest
from splittests.sizes import sizes

FIELD = "split_test"
OF_OPENS = {Metric.OPENED, Metric.OPENS, Metric.CLICK_TO_OPEN}
OF_CLICKS = {Metric.CLICKED, Metric.CLICKS, Metric.CLICK_TO_OPEN}
OF_CONVERSIONS = {Metric.CONVERTED, Metric.REVENUE}


def findings(campaign: Campaign) -> list[Finding]:
    """What blocks: a test by something that cannot happen. The rest is worth a look: each may be meant."""
    test = SplitTest.objects.filter(campaign=campaign).first()
    variants = list(campaign.variants.select_related("email").order_by("position"))
    found = list(_of_variants(variants))
    return [*found, *_of_test(campaign, test, variants)] if test else found


def _of_variants(variants: Sequence[Variant]) -> Iterator[Finding]:
    for one, other in combinations(variants, 2):
        if _says(one) == _says(other):
            yield _warns("same_variants", f"Variants {one.name} and {other.name} say exactly the same.")
    for each in variants:
        if len(variants) > 1 and not each.weight:
            yield _warns("no_weight", f"Variant {each.name} has the weight 0: nobody gets it.")


def _of_test(campaign: Campaign, test: SplitTest, variants: Sequence[Variant]) -> Iterator[Finding]:
    if len(variants) < 2:
        message = "There is one variant, so nothing is tried: everybody gets it at once. Add another, or drop the test."
        yield _warns("one_variant", message)
        return
    by = test.get_metric_display().lower()
    if campaign.channel == Channel.SMS and Metric(test.metric) in OF_OPENS:
        message = f"Nobody can tell whether an SMS was opened, so a test by {by} decides nothing. Compare clicks."
        yield Finding(code="no_opens", field=FIELD, message=message, blocks=True)
    if Metric(test.metric) in OF_CONVERSIONS and not campaign.tracks_conversions:
        message = f"The campaign does not track conversions, so a test by {by} decides nothing. Switch that on."
        yield Finding(code="no_conversions", field=FIELD, message=message, blocks=True)
    if campaign.channel == Channel.EMAIL:
        yield from _untracked(campaign, Metric(test.metric), by)
    yield from _too_few(campaign, test, variants)


def _untracked(campaign: Campaign, metric: Metric, by: str) -> Iterator[Finding]:
    """A click tells that somebody has read it, so that opens are not wholly unknown without the pixel."""
    dispatch = dispatches.of(campaign)
    if metric in OF_OPENS and not dispatch.tracks_opens:
        yield _warns("opens_untracked", f"Opens are not tracked in this campaign, so a test by {by} knows few of them.")
    if metric in OF_CLICKS and not dispatch.tracks_clicks:
        yield _warns("clicks_untracked", f"Clicks are not tracked in this campaign, so a test by {by} decides nothing.")


def _too_few(campaign: Campaign, test: SplitTest, variants: Sequence[Variant]) -> Iterator[Finding]:
    """By a number that the audience is not larger than: to count it exactly takes its time."""
    people = audiences.of(campaign)
    most = selection.at_most(people.organization, people.parts)
    found = sizes(most, [each.weight for each in variants], int(test.share_percent * 100))
    if most and found.are_too_few(test.terms):
        yield _warns("small_sample", too_few(test, found.fewest))


def too_few(test: SplitTest, fewest: int) -> str:
    """That so many people of a variant are less than what the test asks for."""
    return (
        f"With {test.share_percent.normalize():f} % a variant is tried on {fewest:,} people at most, and the test asks "
        f"for {test.least_people:,} to compare: it will end without a winner. Take a larger share, or ask for fewer."
    )


def _says(variant: Variant) -> tuple[str, ...]:
    email = variant.email
    return tuple(getattr(email, name) for name in EMAIL_FIELDS) if email else (variant.sms_body,)


def _warns(code: str, message: str) -> Finding:
    return Finding(code=code, field=FIELD, message=message, blocks=False)
