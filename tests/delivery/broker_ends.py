"""The two ends of a queue on the folder broker, for processes of their own: they load nothing else."""

import time
from queue import Empty

from kombu import Connection
from kombu.transport import TRANSPORT_ALIASES

TRANSPORT_ALIASES["folder"] = "delivery.folder_broker:Transport"


def connect(folder):
    return Connection("folder://", transport_options={"folder": str(folder), "polling_interval": 0.01})


def produce(folder, producer, count):
    with connect(folder) as connection:
        queue = connection.SimpleQueue("work")
        for number in range(count):
            queue.put([producer, number])


def consume(folder, results, patience=1.0):
    """Take and acknowledge until nothing has come for `patience` seconds."""
    got = []
    with connect(folder) as connection:
        queue = connection.SimpleQueue("work")
        try:
            while True:
                message = queue.get(timeout=patience)
                got.append(message.payload)
                message.ack()
        except Empty:
            results.put(got)


def hold(folder, count, results):
    """Take `count` messages, acknowledge none, and hang."""
    with connect(folder) as connection:
        queue = connection.SimpleQueue("work")
        results.put([queue.get(timeout=5).payload for _ in range(count)])
        time.sleep(60)
