"""What is seen and chosen before an import starts."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.utils.timezone import now

from accounts.actors import SYSTEM
from audience import imports
from audience.errors import ImportRefused, NotAllowed
from audience.models import Import, Subscriber
from audience.subscriptions import subscribe
from tests.audience.importing import upload
from tests.conftest import acting
from tests.factories import EditionFactory, MailingListFactory


def test_a_preview_shows_the_first_rows_and_guesses_the_columns(news):
    content = "E-Mail,Vorname,town,Mobil,AGE,Code\n" + "ann@example.com,Ann,Ulm,+4520000001,5,12345\n" * 20

    seen = imports.preview(upload(news, content))

    assert [(column.heading, column.target) for column in seen.columns] == [
        ("E-Mail", "email"),
        ("Vorname", ""),
        ("town", "town"),
        ("Mobil", "phone"),
        ("AGE", "age"),
        ("Code", ""),
    ]
    assert seen.columns[1].samples == ["Ann", "Ann", "Ann"]
    assert len(seen.rows) == 10


def test_columns_without_a_telling_heading_are_guessed_by_what_stands_in_them(news):
    draft = upload(news, "Wie,Was,Wo\nann@example.com,x,+4520000001\nbob@example.com,y,+4520000002\n")

    assert draft.mapping == {"0": "email", "2": "phone"}


def test_a_trial_run_says_what_would_happen_and_writes_nothing(news):
    subscribe(news, email="ann@example.com", fields={"town": "Ulm"}, source="page", status="unsubscribed")
    draft = upload(news, "email,town\nann@example.com,Bonn\nbob@example.com,\nbob@example.com,\nnonsense,\n")

    trial = imports.dry_run(draft)
    short = imports.dry_run(draft, limit=2)

    found = trial.counts
    assert (found.added, found.changed, found.unchanged, found.refused, found.kept_out) == (1, 1, 1, 1, 1)
    assert (trial.repeated, trial.is_complete, trial.refusals[0].number) == (1, True, 5)
    assert (short.counts.rows, short.is_complete) == (2, False)
    assert Subscriber.objects.count() == 1
    assert draft.status == Import.Status.DRAFT


def test_the_country_code_of_the_edition_completes_phone_numbers(organization):
    edition = EditionFactory(organization=organization, default_country_code="+45")

    draft = upload(MailingListFactory(organization=organization, edition=edition), "phone\n20 00 00 01\n")

    assert draft.country_code == "+45"


@pytest.mark.parametrize(
    "wrong",
    [
        {"mapping": {}},
        {"mapping": {"1": "town"}},
        {"mapping": {"0": "email", "1": "email"}},
        {"mapping": {"0": "email", "1": "shoes"}},
        {"on_conflict": "explode"},
        {"delimiter": "x"},
        {"encoding": "no-such-encoding"},
        {"status": "completed"},
        {"opt_in_status": "bounced"},
        {"consent_at": now() + timedelta(days=3)},
        {"consent_ip_address": "somewhere"},
        {"consent_source": "x" * 65},
        {"consent_wording": "x" * 10_001},
    ],
)
def test_an_import_that_is_not_set_up_does_not_start(news, wrong):
    draft = upload(news, "email,town\nann@example.com,Ulm\n")

    with pytest.raises(ImportRefused):
        imports.start(draft, by=SYSTEM, **wrong)

    assert Import.objects.get().status == Import.Status.DRAFT


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"])
def test_what_is_no_csv_makes_no_import(news, content):
    with pytest.raises(ImportRefused):
        upload(news, content)

    assert not Import.objects.exists()


def test_only_members_who_may_write_import_and_cancel(news, bob, victor, charlie):
    draft = imports.create(news, ContentFile(b"email\nann@example.com\n", name="x.csv"), by=acting(bob))

    for stranger in (victor, charlie):
        for act in (imports.start, imports.cancel, imports.set_up):
            with pytest.raises(NotAllowed):
                act(draft, by=acting(stranger))
        with pytest.raises(NotAllowed):
            imports.create(news, ContentFile(b"email\nann@example.com\n", name="x.csv"), by=acting(stranger))
    assert draft.created_by == bob
