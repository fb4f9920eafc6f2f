"""Suppressions in the admin: suppressing, checking, lifting, taking them along."""

import pytest
from django.contrib.messages import get_messages
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.actors import SYSTEM
from audience import lifting as lifting_away
from audience import suppression_imports, suppressions
from audience.models import Suppression, SuppressionImport
from tests.conftest import acting
from tests.factories import MailingListFactory, OrganizationFactory, UserFactory

LIST = "admin:audience_suppression_changelist"
ADD = "admin:audience_suppression_add"
LIFTED = "admin:audience_liftedsuppression_changelist"
CHECK = "admin:audience_suppression_check"


@pytest.fixture
def root(db):
    return UserFactory(username="root", is_superuser=True)


@pytest.fixture
def suppressed(organization):
    values = ["ann@example.com", "bob@example.com", "cid@example.com"]
    suppressions.suppress_many(values, organization=organization, kind="email", reason="bounced")
    suppressions.suppress(organization=organization, kind="email", value="dee@example.com", reason="complained")
    return Suppression.objects.of(organization)


def told(answer):
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def lifting(rows, **more):
    why = {"why": "Asked for by phone"} if "confirmed" in more else {}
    return {"action": "lift", "_selected_action": [row.pk for row in rows], **why, **more}


@pytest.fixture
def blocked(bob, login, settings, tmp_path):
    """The import of a file that was uploaded, and where the browser was sent."""
    settings.MEDIA_ROOT = tmp_path
    content = b"email,reason\nann@example.com,complained\nbob@example.com,\nnonsense,\n"
    given = {"values": "cid@example.com", "file": SimpleUploadedFile("blocked.csv", content)}
    answer = login(bob).post(reverse(ADD), given | {"reason": "imported", "source": "old provider", "mailing_list": ""})
    made = SuppressionImport.objects.get()
    assert answer.url == of_import(made, "change")
    return made


def of_import(made, name):
    return reverse(f"admin:audience_suppressionimport_{name}", args=[made.pk])


def test_a_file_is_suppressed_in_the_background_and_what_was_typed_at_once(organization, blocked, bob, login):
    assert set(Suppression.objects.values_list("value", flat=True)) == {"cid@example.com"}
    browser = login(bob)
    waiting = browser.get(of_import(blocked, "change")).content.decode()
    same = browser.get(of_import(blocked, "progress"), {"was": "queued"})

    suppression_imports.run(blocked.pk)
    over = browser.get(of_import(blocked, "progress"), {"was": "queued"})
    page = browser.get(of_import(blocked, "change")).content.decode()
    file = b"".join(browser.get(of_import(blocked, "errors")).streaming_content).decode()

    assert 'hx-trigger="every 1s"' in waiting
    assert ("HX-Refresh" in same.headers, "HX-Refresh" in over.headers) == (False, True)
    assert set(Suppression.objects.values_list("value", "reason", "source")) >= {
        ("ann@example.com", "complained", "old provider"),
        ("bob@example.com", "imported", "old provider"),
    }
    assert of_import(blocked, "errors") in page
    assert "4,“nonsense” is not a domain" in file


def test_a_file_under_way_is_cancelled(blocked, bob, login):
    login(bob).post(of_import(blocked, "cancel"))

    assert SuppressionImport.objects.get().status == "cancelled"


@pytest.mark.parametrize("name", ["change", "progress", "cancel", "errors"])
def test_a_file_is_only_for_who_may_suppress_there(blocked, charlie, victor, login, name):
    act = "post" if name == "cancel" else "get"

    assert getattr(login(charlie), act)(of_import(blocked, name)).status_code == 404
    assert getattr(login(victor), act)(of_import(blocked, name)).status_code == 403


def test_files_of_the_whole_system_are_for_superusers(organization, bob, root, login, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    file = ContentFile(b"ann@example.com", name="everybody.csv")
    made = suppression_imports.create(file, organization=None, by=acting(root))
    listed = reverse("admin:audience_suppressionimport_changelist")

    assert login(bob).get(of_import(made, "change")).status_code == 404
    assert "everybody.csv" not in login(bob).get(listed).content.decode()
    assert "every organization" in login(root).get(of_import(made, "change")).content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"values": " "}, "values"),
        ({"reason": "dislike"}, "reason"),
        ({"mailing_list": "999999"}, "mailing_list"),
        ({"values": "", "file": SimpleUploadedFile("x.csv", b"PK\x03\x04" + bytes(range(256)))}, "file"),
    ],
)
def test_what_is_wrong_is_said_where_it_was_given(organization, bob, login, changes, field):
    given = {"values": "ann@example.com", "reason": "manual", "mailing_list": "", "source": "", **changes}

    answer = login(bob).post(reverse(ADD), given)

    assert answer.status_code == 422
    assert answer.context["form"].errors[field]
    assert not Suppression.objects.exists()


def test_only_superusers_may_suppress_for_every_organization(organization, bob, root, login):
    given = {"values": "ann@example.com", "reason": "manual", "for_everybody": "on", "mailing_list": ""}

    login(bob).post(reverse(ADD), given)
    login(root).post(reverse(ADD), given | {"values": "bob@example.com"})

    assert set(Suppression.objects.values_list("value", "organization")) == {
        ("ann@example.com", organization.pk),
        ("bob@example.com", None),
    }
    assert "every organization" not in login(bob).get(reverse(ADD)).content.decode().lower()


def test_checking_shows_what_forbids_each_and_changes_nothing(organization, suppressed, victor, login):
    before = list(Suppression.objects.values())

    answer = login(victor).post(reverse(CHECK), {"values": "ann@example.com\nxyz@example.com\n<b>x</b>"})

    page = answer.content.decode()
    assert "1 of 3 is suppressed" in page
    assert "Hard bounce" in page
    assert "Not suppressed" in page
    assert "<b>x</b>" not in page
    assert list(Suppression.objects.values()) == before


def test_too_many_are_not_checked(organization, bob, login):
    answer = login(bob).post(reverse(CHECK), {"values": "\n".join(f"r{n}@example.com" for n in range(501))})

    assert "at most 500" in answer.context["form"].errors["values"][0]


def test_lifting_asks_first_with_numbers(suppressed, bob, login):
    answer = login(bob).post(reverse(LIST), lifting(suppressed))

    page = answer.content.decode()
    assert "Lift 4 suppressions?" in page
    assert "reported mail of yours as spam" in page
    assert suppressed.count() == 4


def test_lifting_takes_away_what_was_chosen(suppressed, bob, login):
    chosen = suppressed.filter(value__in=["ann@example.com", "bob@example.com"])

    answer = login(bob).post(reverse(LIST), lifting(chosen, confirmed="yes"))

    assert "2 lifted" in told(answer)
    assert set(suppressed.values_list("value", flat=True)) == {"cid@example.com", "dee@example.com"}


def test_lifting_everything_filtered_for_leaves_the_rest(suppressed, bob, login):
    given = lifting(suppressed[:1], confirmed="yes", select_across="1")

    login(bob).post(reverse(LIST) + "?reason__exact=bounced", given)

    assert set(suppressed.values_list("reason", flat=True)) == {"complained"}


def test_nothing_is_lifted_without_saying_why(suppressed, bob, login):
    answer = login(bob).post(reverse(LIST), lifting(suppressed, confirmed="yes", why=" "))

    assert answer.status_code == 422
    assert answer.context["form"].errors["why"]
    assert suppressed.count() == 4


def test_what_was_lifted_is_shown_and_forgotten_when_asked_twice(organization, suppressed, bob, victor, login):
    login(bob).post(reverse(LIST), lifting(suppressed, confirmed="yes"))
    suppressions.suppress(organization=None, kind="email", value="sys@example.com")
    lifting_away.lift(Suppression.objects.filter(organization=None), by=SYSTEM)
    line = organization.lifted_suppressions.get(value="ann@example.com")
    chosen = {"action": "forget", "_selected_action": [line.pk]}

    seen = login(victor).get(reverse(LIFTED)).content.decode()
    login(victor).post(reverse(LIFTED), chosen | {"confirmed": "yes"})
    asked = login(bob).post(reverse(LIFTED), chosen).content.decode()
    line.refresh_from_db()
    before = line.value
    answer = login(bob).post(reverse(LIFTED), chosen | {"confirmed": "yes"})
    line.refresh_from_db()

    assert ("Asked for by phone" in seen, "sys@example.com" in seen, "Forget the addresses" in seen) == (
        True,
        False,
        False,
    )
    assert ("Forget 1 address?" in asked, before) == (True, "ann@example.com")
    assert ("1 forgotten" in told(answer), line.value, line.why, line.by) == (True, "", "", bob)


def test_superusers_also_see_what_was_lifted_for_the_whole_system(organization, root, login):
    suppressions.suppress(organization=None, kind="email", value="sys@example.com")
    lifting_away.lift(Suppression.objects.all(), by=acting(root))

    assert "sys@example.com" in login(root).get(reverse(LIFTED)).content.decode()


def test_who_may_only_read_is_not_offered_to_lift(suppressed, victor, login):
    browser = login(victor)

    page = browser.get(reverse(LIST)).content.decode()
    browser.post(reverse(LIST), lifting(suppressed, confirmed="yes"))

    assert "Lift…" not in page
    assert suppressed.count() == 4


def test_nobody_lifts_what_another_organization_suppressed(suppressed, charlie, login):
    login(charlie).post(reverse(LIST), lifting(suppressed, confirmed="yes"))

    assert suppressed.count() == 4


def test_the_list_counts_by_reason(suppressed, victor, login):
    page = login(victor).get(reverse(LIST)).content.decode()

    assert 'Hard bounce<span class="bs-count">3</span>' in page
    assert 'Spam complaint<span class="bs-count">1</span>' in page


def test_they_can_be_taken_along(organization, suppressed, victor, login):
    suppressions.suppress(organization=OrganizationFactory(), kind="email", value="zoe@example.com")

    text = b"".join(login(victor).get(reverse("admin:audience_suppression_csv")).streaming_content).decode()

    assert "ann@example.com,email,bounced" in text
    assert "zoe@example.com" not in text


def test_one_list_is_a_scope_of_its_own(organization, bob, login):
    mailing_list = MailingListFactory(organization=organization, name="Daily")
    given = {"values": "ann@example.com", "reason": "manual", "mailing_list": mailing_list.pk}

    login(bob).post(reverse(ADD), given)

    assert Suppression.objects.get().mailing_list == mailing_list
    assert "the list Daily" in login(bob).get(reverse(LIST)).content.decode()
