"""What a report says beside its counts: people or every hit, what is usual, the click map, variants, reasons."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from campaigns.approval import EMAIL_FIELDS
from campaigns.models import Campaign, ContentSnapshot, Variant
from content.models import Email
from content.tokens import read_link_token
from stats.admin import tables, tiles
from stats.admin.click_map import Clicked, click_map
from stats.figures import Figures
from stats.ingest import ingest
from stats.report_rows import VariantRow
from tests.factories import EmailFactory, draft_campaign
from tests.stats.populations import a_run, click, hit
from tracking import spool
from tracking.spool import HitKind

pytestmark = pytest.mark.django_db

SCANNER = "Mozilla/5.0 (compatible; Barracuda Sentinel)"
TWO_LINKS = '<p><a href="https://a.example/1">One</a> and <a href="https://a.example/1">the same</a></p>'


def sent(organization, people=10, *, days=1, name="Morning", channel="email"):
    """A campaign that was sent to its end so many days ago, with what it said."""
    campaign = draft_campaign(organization, people=0, name=name, channel=channel)
    run = a_run(people, campaign=campaign)
    for variant in campaign.variants.select_related("email"):
        values = {field: getattr(variant.email, field) for field in EMAIL_FIELDS} if variant.email else {}
        ContentSnapshot.objects.create(run=run, variant=variant, sms_body=variant.sms_body, **values)
    at = now() - timedelta(days=days)
    Campaign.objects.filter(pk=campaign.pk).update(
        state="sent", started_at=at, finished_at=at + timedelta(hours=1), total_recipients=people
    )
    return Campaign.objects.get(pk=campaign.pk)


def people_of(campaign):
    return list(campaign.runs.get().recipients.order_by("pk"))


def send_back(*found):
    for each in found:
        spool.append(each)
    ingest()


def address(campaign, name="report"):
    return reverse(f"admin:campaigns_campaign_{name}", args=[campaign.pk])


def shown(browser, campaign, **parameters):
    """The tiles by name, as count, rate and the other set's words; and the page."""
    answer = browser.get(address(campaign), parameters)
    return {tile.definition.name: tile for tile in answer.context["tiles"]}, answer.content.decode()


def test_people_come_first_and_the_address_shows_every_hit(organization, victor, login):
    campaign = sent(organization)
    first, second, *_ = people_of(campaign)
    send_back(hit(first), hit(second, user_agent=SCANNER))
    browser = login(victor)

    people, page = shown(browser, campaign)
    every, _ = shown(browser, campaign, hits="all")

    assert (people["opened"].count, people["opened"].other) == (1, "Every hit: 2")
    assert (every["opened"].count, every["opened"].other) == (2, "People: 1")
    assert people["sent"].other == ""  # no program makes it
    assert "?hits=all" in page


def test_a_rate_is_explained_with_numerator_and_denominator(organization, bob, login):
    campaign = sent(organization)
    send_back(hit(people_of(campaign)[0]))

    found, page = shown(login(bob), campaign)

    said = "Open rate: 1 opened / 10 delivered."
    assert found["opened"].explained.startswith(said)
    assert page.count(said) == 2  # to be seen, and to be heard


def test_a_rate_is_held_against_the_average_in_words(organization, bob, login):
    before, campaign = sent(organization, days=9), sent(organization)
    send_back(hit(people_of(before)[0]), *[hit(each) for each in people_of(campaign)[:3]])

    found, page = shown(login(bob), campaign)

    assert found["opened"].trend.words == "Better: 20.0 points above your average of 10.0 %"
    assert found["clicked"].trend.words == "As your average, 0.0 %"
    assert found["sent"].trend is None
    assert "Your average is that of one campaign before." in page


def test_without_another_campaign_there_is_no_average_and_the_page_says_so(organization, bob, login):
    found, page = shown(login(bob), sent(organization))

    assert all(tile.trend is None for tile in found.values())
    assert "There is no average yet" in page


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("bounce_rate", 0.05, "Worse: 3.0 points above usual of 2.0 %"),
        ("bounce_rate", 0.01, "Better: 1.0 points below usual of 2.0 %"),
        ("click_rate", 0.01, "Worse: 1.0 points below usual of 2.0 %"),
        ("click_rate", 0.0203, "As usual, 2.0 %"),
    ],
)
def test_more_is_worse_where_it_is(name, value, words):
    assert tiles.trend(name, value, 0.02, "usual").words == words


def test_sms_has_tiles_of_its_own(organization, bob, login):
    campaign = sent(organization, channel="sms")

    found, page = shown(login(bob), campaign)

    assert list(found) == ["sent", "delivered", "clicked", "unsubscribed", "failed"]
    assert "Click map" not in page
    assert "Domains" not in page


def test_what_conversions_were_worth_is_an_amount(organization, bob, login):
    campaign = sent(organization)
    first, second, *_ = people_of(campaign)
    assert "Revenue" not in shown(login(bob), campaign)[1]
    send_back(*(hit(each, HitKind.CONVERTED, data={"cents": cents}) for each, cents in ((first, 123_400), (second, 5))))

    answer = login(bob).get(address(campaign))

    more = {label: value for label, value, _ in answer.context["more"]}
    assert not any("hundredths" in sentence for *_, sentence in answer.context["more"])
    assert (more["Revenue"], more["Converted"]) == ("1,234.05", "2")
    assert "1,234.05" in answer.content.decode()


def test_the_steps_can_be_chosen(organization, bob, login):
    campaign = sent(organization)
    first, second, *_ = people_of(campaign)
    send_back(hit(first), hit(second, minutes=200))

    def labels(**parameters):
        return login(bob).get(address(campaign), parameters).context["chart"]["labels"]

    assert len(labels(by="hour")) == 4
    assert len(labels(by="day")) == 1
    assert len(labels(by="nonsense")) == 4


# --- the click map -----------------------------------------------------------------------------------------------


def test_each_place_of_a_link_has_a_badge_of_its_own():
    drawn = click_map(EmailFactory.build(html=TWO_LINKS), {2: Clicked(people=7, share=0.7)})

    assert drawn.drawn == {1, 2}
    first, second = re.findall(r"<a.*?</a>", drawn.html)
    assert "Link 1: 0 people, 0.0 % of those who clicked" in first
    assert "Link 2: 7 people, 70.0 % of those who clicked" in second


def test_looking_at_the_map_counts_nothing_and_runs_nothing():
    html = f"{TWO_LINKS}<script>alert(1)</script><map><area href='https://a.example/3'></map>"

    drawn = click_map(EmailFactory.build(html=html), {}).html

    assert f"{settings.BASE_URL}/o/" not in drawn
    assert f"{settings.BASE_URL}/c/" not in drawn
    assert "<script" not in drawn


def test_a_link_that_looks_tracked_and_is_forged_has_no_badge():
    html = f'<a href="{settings.BASE_URL}/u/x">Unsubscribe</a><a href="/c/x/forged">Forged</a>'

    drawn = click_map(EmailFactory.build(html=html), {})

    assert drawn.drawn <= {1}
    assert "of those who clicked" not in drawn.html or drawn.drawn == {1}


def test_the_map_is_the_mail_as_it_was_sent_in_a_frame_that_can_do_nothing(organization, bob, login):
    campaign = sent(organization)
    variant = campaign.variants.get()
    Email.objects.filter(pk=variant.email_id).update(html="<p>changed since</p>")
    ContentSnapshot.objects.update(html=TWO_LINKS)
    send_back(click(people_of(campaign)[0], position=2, url="https://a.example/1"))

    answer = login(bob).get(address(campaign, "report_map"), {"variant": variant.pk})

    page = answer.content.decode()
    assert "changed since" not in page
    assert "Link 2: 1 person, 100 % of those who clicked" in page
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert 'sandbox=""' in login(bob).get(address(campaign)).content.decode()


@pytest.mark.parametrize("variant", ["", "0", "999999", "9" * 30])
def test_a_variant_that_is_not_of_the_campaign_has_no_map(organization, bob, login, variant):
    foreign = sent(organization, name="Another").variants.get().pk

    for asked in (variant, foreign):
        answer = login(bob).get(address(sent(organization), "report_map"), {"variant": asked})
        assert answer.status_code == 404


def test_a_token_of_the_map_is_that_of_the_mail():
    from content.compile import compile_email
    from content.previews import NOBODY

    message = compile_email(EmailFactory.build(html=TWO_LINKS), run_id=3, base_url="https://post.example")
    tokens = re.findall(r"/c/[^/]+/([\w-]+)", message.contents({}, NOBODY).html)

    assert [read_link_token(token).position for token in tokens] == [1, 2]


# --- variants, domains, reasons ----------------------------------------------------------------------------------


def rows(*found):
    named = zip("ABCDE", found, strict=False)
    return [VariantRow(variant=Variant(name=name), figures=each, raw=each) for name, each in named]


def words_of(name, *found):
    lines = tables.comparisons(rows(*found), "email", raw=False)
    return next(each for each in lines if each.definition.name == name)


def test_a_difference_that_may_be_chance_is_called_so():
    found = words_of("open_rate", Figures(sent=50, opened=20), Figures(sent=50, opened=23))

    assert found.words == "B is 6.0 points above A; that may be chance."
    assert found.best is None


def test_a_difference_that_is_hardly_chance_names_the_best():
    found = words_of("bounce_rate", Figures(sent=1000, bounced=90), Figures(sent=1000, bounced=20))

    assert found.words == "B is 7.0 points below A; that is hardly chance."
    assert found.best == 1


def test_variants_alike_have_no_difference():
    assert words_of("open_rate", Figures(sent=9, opened=3), Figures(sent=9, opened=3)).words == "No difference."


def test_one_variant_is_compared_with_nothing():
    assert tables.comparisons(rows(Figures(sent=9)), "email", raw=False) == []


def test_variants_stand_side_by_side_with_their_subjects(organization, bob, login):
    campaign = sent(organization)
    other = EmailFactory(organization=organization, subject="The other one")
    variant = Variant.objects.create(campaign=campaign, name="B", position=2, email=other)
    values = {field: getattr(other, field) for field in EMAIL_FIELDS}
    ContentSnapshot.objects.create(run=campaign.runs.get(), variant=variant, **values)

    page = login(bob).get(address(campaign)).content.decode()

    assert "The other one" in page
    assert "Difference" in page


def test_bounces_are_told_by_reason(organization, bob, login):
    campaign = sent(organization)
    data = {"type": "soft", "origin": "remote", "code": "201", "key": "one"}
    send_back(hit(people_of(campaign)[0], HitKind.BOUNCED, data=data))

    page = login(bob).get(address(campaign)).content.decode()

    assert "The mailbox is full" in page
    assert "state=bounced_soft" in page


def test_what_made_a_hit_and_did_not_say_so_is_called_unknown(organization, bob, login):
    campaign = sent(organization)
    proxy = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
    send_back(hit(people_of(campaign)[0], user_agent=proxy))

    page = login(bob).get(address(campaign)).content.decode()

    assert '<th scope="row">Unknown</th>' in page
    assert "the device stays hidden" in page


def test_the_queries_of_a_report_do_not_grow_with_what_it_shows(organization, bob, login):
    campaign = sent(organization, people=30)
    variant, people = campaign.variants.get().pk, people_of(campaign)
    browser = login(bob)

    def queries(name):
        with CaptureQueriesContext(connection) as captured:
            browser.get(address(campaign, name), {"variant": variant})
        return len(captured)

    send_back(hit(people[0]), click(people[0], minutes=90))
    names = ("report", "report_map", "recipients")
    few = [queries(name) for name in names]
    for number, person in enumerate(people[1:], 90):
        agent = f"Mozilla/5.0 (X11; Linux x86_64; rv:{number}.0) Gecko/20100101 Firefox/{number}.0"
        spool.append(hit(person, user_agent=agent))
        spool.append(click(person, position=number, minutes=90 + number, user_agent=agent))
    ingest()

    assert [queries(name) <= least for name, least in zip(names, few, strict=True)] == [True, True, True]
    assert max(few) <= 40
