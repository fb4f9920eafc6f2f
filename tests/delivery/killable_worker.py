"""A worker that sends until nothing is left, made to be killed: `python -m tests.delivery.killable_worker`."""

import os
import sys

import django


def work():
    from delivery import tasks
    from delivery.models import Batch

    say("ready")
    while Batch.objects.open().exists():
        for batch_id in Batch.objects.open().order_by("pk").values_list("pk", flat=True):
            tasks.deliver_batch(batch_id)
        tasks.sweep()
    say("done")


def say(word):
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.test_settings")
django.setup()
work()
