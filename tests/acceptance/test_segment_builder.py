"""Building a segment in a real browser: nested rules by keyboard and mouse, the count beside them, and back again."""

import pytest
from playwright.sync_api import expect

from audience.models import CustomField, Segment
from tests.factories import MailingListFactory, SubscriptionFactory, campaign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PEOPLE = {"anna": "Ulm", "ben": "Ulm", "clara": "Bonn", "dan": "Kiel"}


@pytest.fixture
def readers(organization):
    CustomField.objects.create(organization=organization, key="town", name="Town")
    mailing_list = MailingListFactory(organization=organization, name="Daily briefing")
    for name, town in PEOPLE.items():
        about = {"subscriber__email": f"{name}@example.com", "subscriber__fields": {"town": town}}
        SubscriptionFactory(mailing_list=mailing_list, **about)
    return mailing_list


def new_segment(page):
    page.goto("/admin/audience/segment/add/")
    expect(page.get_by_text("4 people", exact=True)).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Close by")


def saved(page):
    """The rules as they are stored, after saving."""
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("is saved and being counted")).to_be_visible()
    return Segment.objects.get().rules


def test_nested_rules_are_built_with_the_keyboard_and_found_again(readers, dora, sign_in):
    page = sign_in(dora)
    new_segment(page)
    press = page.keyboard.press

    page.get_by_role("button", name="Add group", exact=True).focus()
    press("Enter")  # a group with its first rule; the focus is on how its rules are taken together
    expect(page.get_by_label("Match of group 1")).to_be_focused()
    for _ in range(5):  # past the group's tools to its first rule
        press("Tab")
    expect(page.get_by_label("Field of rule 1.1")).to_be_focused()
    page.keyboard.type("Town")
    press("Tab")
    expect(page.get_by_label("Comparison of rule 1.1")).to_be_focused()
    press("Tab")
    page.keyboard.type("Ulm")
    expect(page.get_by_text("2 people", exact=True)).to_be_visible()
    page.get_by_role("button", name="Add rule to group 1").press("Enter")
    page.keyboard.type("Town")
    press("Tab")
    press("Tab")
    page.keyboard.type("Bonn")
    expect(page.get_by_text("3 people", exact=True)).to_be_visible()
    expect(page.get_by_text("People in the organization where (Town is “Ulm” or Town is “Bonn”).")).to_be_visible()

    assert saved(page) == {
        "match": "all",
        "rules": [
            {
                "match": "any",
                "rules": [
                    {"field": "fields.town", "operator": "is", "value": "Ulm"},
                    {"field": "fields.town", "operator": "is", "value": "Bonn"},
                ],
            }
        ],
    }
    assert page.trouble == []


def test_rules_are_added_moved_and_taken_away_with_the_mouse(readers, dora, sign_in):
    page = sign_in(dora)
    new_segment(page)

    page.get_by_role("button", name="Add rule", exact=True).click()
    page.get_by_label("Field of rule 1").select_option(label="Town")
    page.get_by_label("Comparison of rule 1").select_option(label="is not")
    page.get_by_label("Value of rule 1").fill("Kiel")
    expect(page.get_by_text("3 people", exact=True)).to_be_visible()
    page.get_by_role("button", name="Add “on list” group").click()
    expect(page.get_by_label("List of group 2")).to_be_focused()
    page.get_by_role("button", name="Add rule to group 2").click()
    page.get_by_label("Field of rule 2.1").select_option(label="Email")
    page.get_by_label("Comparison of rule 2.1").select_option(label="is one of")
    page.get_by_label("Values, one a line of rule 2.1").fill("anna@example.com\nclara@example.com")
    expect(page.get_by_text("2 people", exact=True)).to_be_visible()

    page.get_by_role("button", name="Move down rule 1").click()  # into the group beside it
    expect(page.get_by_label("Value of rule 1.1")).to_have_value("Kiel")
    page.get_by_role("button", name="Duplicate rule 1.2").click()
    page.get_by_role("button", name="Remove rule 1.3").click()
    expect(page.get_by_role("status")).to_contain_text("Rule 1.3 is removed.")
    expect(page.get_by_text("2 people", exact=True)).to_be_visible()

    rules = saved(page)
    (group,) = rules["rules"]
    assert (group["on"], group["match"]) == (readers.public_id, "all")
    assert [rule["operator"] for rule in group["rules"]] == ["is_not", "is_one_of"]
    assert page.trouble == []


def test_what_was_saved_is_found_again_and_saved_unchanged(readers, dora, sign_in):
    campaign = campaign_in("draft", readers.organization, name="Autumn letter", people=0)
    rules = {
        "match": "any",
        "rules": [
            {"field": "email", "operator": "is_none_of", "value": ["a@example.com", "b@example.com"]},
            {"field": "created_at", "operator": "in_last", "value": {"amount": 2, "unit": "weeks"}},
            {
                "field": "campaign.clicked",
                "operator": "did",
                "value": {
                    "campaigns": [campaign.public_id],
                    "within": {"type": "between", "from": "2026-01-01", "to": "2026-02-01"},
                    "count": {"at_least": 2},
                },
            },
            {"on": readers.public_id, "match": "not", "rules": [{"field": "status", "operator": "is_empty"}]},
            {"field": "email_domain", "operator": "nonsense", "value": {"made": "by a program"}},
        ],
    }
    segment = Segment.objects.create(organization=readers.organization, name="By a program", rules=rules)
    page = sign_in(dora)

    page.goto(f"/admin/audience/segment/{segment.pk}/change/")

    expect(page.get_by_label("Values, one a line of rule 1")).to_have_value("a@example.com\nb@example.com")
    expect(page.get_by_label("How many of rule 2")).to_have_value("2")
    expect(page.get_by_text("Autumn letter")).to_be_visible()
    expect(page.get_by_label("From of rule 3")).to_have_value("2026-01-01")
    expect(page.get_by_label("Match of group 4")).to_have_value("not")
    expect(page.get_by_text("as it is kept")).to_be_visible()  # what cannot be drawn
    page.get_by_label("How many of rule 2").fill("3")
    changed = page.locator("#id_rules").evaluate("field => JSON.parse(field.value)")
    rules["rules"][1]["value"]["amount"] = 3
    assert changed == rules

    page.get_by_role("button", name="Remove rule 5").click()
    del rules["rules"][4]
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("is saved and being counted")).to_be_visible()
    segment.refresh_from_db()
    assert segment.rules == rules
    assert page.trouble == []


def test_campaigns_are_picked_and_somebody_is_explained(readers, dora, sign_in):
    campaign = campaign_in("draft", readers.organization, name="Autumn letter", people=0)
    page = sign_in(dora)
    new_segment(page)

    page.get_by_role("button", name="Add rule", exact=True).click()
    page.get_by_label("Field of rule 1").select_option(label="Opened a campaign")
    page.get_by_label("Comparison of rule 1").select_option(label="no, they did not")
    page.get_by_label("Campaigns of rule 1").press_sequentially("autumn")
    expect(page.get_by_role("option", name="Autumn letter")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_text("they did not open “Autumn letter”")).to_be_visible()
    page.get_by_label("Why is this person in, or not in?").fill("anna@example.com")
    page.get_by_role("button", name="Look").click()
    told = page.locator("#why-told")
    expect(told.get_by_text("In", exact=True)).to_be_visible()
    expect(told.get_by_text("they did not open “Autumn letter”").first).to_be_visible()
    page.get_by_text("Who they are").click()
    expect(page.get_by_role("link", name="ben@example.com")).to_be_visible()

    assert saved(page)["rules"][0]["value"] == {"campaigns": [campaign.public_id]}
    assert page.trouble == []


def test_a_rule_that_is_not_finished_says_so_where_it_stands(readers, dora, sign_in):
    page = sign_in(dora)
    new_segment(page)

    page.get_by_role("button", name="Add rule", exact=True).click()

    expect(page.get_by_text("One rule is not complete.")).to_be_visible()
    expect(page.locator(".bs-rule.has-problem")).to_have_count(1)
    page.get_by_label("Value of rule 1").fill("nobody@example.com")
    expect(page.locator(".bs-rule.has-problem")).to_have_count(0)
    expect(page.get_by_text("Nobody", exact=True)).to_be_visible()
    assert page.trouble == []


def test_from_fifty_lists_on_they_are_searched_with_the_keyboard(readers, organization, dora, sign_in):
    MailingListFactory.create_batch(60, organization=organization)
    page = sign_in(dora)
    new_segment(page)
    lists = page.get_by_role("combobox", name="On any of these lists")

    lists.focus()
    page.keyboard.type("BRIEF dáily")
    option = page.get_by_role("option", name="Daily briefing")
    expect(option).to_have_attribute("aria-selected", "false")
    expect(lists).to_have_attribute("aria-activedescendant", option.get_attribute("id"))
    expect(page.get_by_role("status").filter(has_text="1 list found")).to_be_attached()
    page.keyboard.press("Enter")
    expect(option).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(lists).to_have_attribute("aria-expanded", "false")
    expect(page.get_by_role("button", name="Not Daily briefing")).to_be_visible()
    expect(page.get_by_text("Everybody on Daily briefing.")).to_be_visible()
    saved(page)
    assert list(Segment.objects.get().mailing_lists.all()) == [readers]

    page.goto("/admin/campaigns/campaign/add/")
    page.get_by_role("combobox", name="Send to").click()
    page.keyboard.type("close by")
    page.keyboard.press("Enter")
    expect(page.get_by_text("4 people", exact=False).first).to_be_visible()
    page.get_by_role("button", name="Not Close by").click()
    expect(page.locator("[name=included]:checked")).to_have_count(0)
    assert page.trouble == []
