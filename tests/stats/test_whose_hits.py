"""Events and engagements name their run and their person, for rules that read millions of them."""

import importlib

import pytest
from django.apps import apps

from stats.ingest import ingest
from stats.models import Engagement, Event
from tests.stats.populations import a_run, click, hit
from tracking import spool

pytestmark = pytest.mark.django_db
migration = importlib.import_module("stats.migrations.0003_whose_hits_they_were")


def ingested(*hits):
    for each in hits:
        spool.append(each)
    ingest()


def named(model):
    return list(model.objects.order_by("recipient", "pk").values_list("run", "recipient", "subscriber"))


def test_a_hit_names_the_run_and_the_person():
    run = a_run(people=2)
    first, second = run.recipients.order_by("pk")

    ingested(hit(first), click(second), hit(first, minutes=1))

    whose = [(run.pk, each.pk, each.subscriber_id) for each in (first, second)]
    assert named(Engagement) == whose
    assert named(Event) == [whose[0], whose[0], whose[1]]


def test_what_an_erased_person_did_stays_counted_and_names_nobody():
    reader = a_run(people=1).recipients.get()
    ingested(hit(reader))

    reader.subscriber.delete()
    ingested(hit(reader, minutes=5))

    assert named(Event) == [(reader.run_id, reader.pk, None)] * 2
    assert named(Engagement) == [(reader.run_id, reader.pk, None)]
    assert Engagement.objects.get().opens == 2


def test_a_run_takes_its_engagements_along():
    run = a_run(people=1)
    ingested(hit(run.recipients.get()))

    run.delete()

    assert not Engagement.objects.exists()
    assert not Event.objects.exists()


def test_hits_from_before_are_told_whose_they_were(monkeypatch):
    monkeypatch.setattr(migration, "ROWS", 2)
    run = a_run(people=5)
    ingested(*(hit(each, minutes=minute) for each in run.recipients.all() for minute in (0, 1)))
    before = named(Event), named(Engagement)
    Event.objects.update(subscriber=None)
    Engagement.objects.update(subscriber=None, run=None)

    for _ in range(2):  # begun anew after it was interrupted
        migration.fill_in(apps, None)

    assert (named(Event), named(Engagement)) == before
