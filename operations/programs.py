"""The programs an installation consists of, as command lines: the same here as in production."""

import sys

from django.conf import settings

from operations.supervisor import Port, Program

MANAGE = (sys.executable, str(settings.BASE_DIR / "manage.py"))
CELERY = (sys.executable, "-m", "celery", "--workdir", str(settings.BASE_DIR), "-A", "config")


def all_here() -> list[Program]:
    """What `run` starts, in the order in which one needs the other."""
    return [*([inbox()] if uses_inbox() else []), *workers(), clock(), web()]


def uses_inbox() -> bool:
    """Whether mail goes to the built-in inbox rather than to a relay."""
    return (settings.SMTP_HOST, settings.SMTP_PORT) == (settings.INBOX_HOST, settings.INBOX_PORT)


def inbox() -> Program:
    host, port = settings.INBOX_HOST, settings.INBOX_PORT
    return Program(
        name="inbox",
        command=(*MANAGE, "inbox", "--host", host, "--port", str(port)),
        port=Port(host=host, number=port, setting="INBOX_PORT"),
        serves_others=True,  # a worker finishes the messages it has in hand
    )


def workers() -> list[Program]:
    """WORKER_PROCESSES that send, and one for errands: the clock's short tasks, so that no freeze, no start and no
    figure waits until a batch is out.

    Those that send are the children of one pool on a broker, and workers of their own on a folder: a folder cannot be
    watched by Celery's event loop, and without the loop all children of a pool take their tasks from one pipe under
    one lock. The lock goes with a child that is killed, and the others wait for ever.
    """
    short, everything = (
        settings.CELERY_TASK_DEFAULT_QUEUE,
        f"{settings.CELERY_TASK_DEFAULT_QUEUE},{settings.BATCH_QUEUE},{settings.WEBHOOK_QUEUE}",
    )
    errands = _worker("errands", "solo", 1, short)
    if not settings.CELERY_BROKER_URL.startswith("folder:"):
        return [errands, _worker("worker", "prefork", settings.WORKER_PROCESSES, everything)]
    numbers = range(1, settings.WORKER_PROCESSES + 1)
    return [errands, *(_worker(f"worker{number}", "solo", 1, everything) for number in numbers)]


def _worker(name: str, pool: str, concurrency: int, queues: str) -> Program:
    options = ["--pool", pool, "--concurrency", str(concurrency), "--queues", queues, "--loglevel", "INFO"]
    # Workers that watch each other are of no use here and cost messages.
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return Program(
        name=name,
        command=(*CELERY, "worker", "--hostname", f"{name}@%h", *options, *alone),
        ready=rf"{name}@\S+ ready",
    )


def clock() -> Program:
    return Program(name="clock", command=(*CELERY, "beat", "--loglevel", "INFO", "--pidfile="))


def web() -> Program:
    host, port = settings.WEB_HOST, settings.WEB_PORT
    size = ["--workers", str(settings.WEB_WORKERS), "--blocking-threads", str(settings.WEB_THREADS)]
    where = ["--host", host, "--port", str(port), "--working-dir", str(settings.BASE_DIR)]
    return Program(
        name="web",
        command=(
            sys.executable,
            "-m",
            "granian",
            "--interface",
            "wsgi",
            "--no-ws",
            *where,
            *size,
            "config.wsgi:application",
        ),
        port=Port(host=host, number=port, setting="WEB_PORT"),
    )


def described(program: Program) -> str:
    """Where it runs, for a person."""
    match program.name:
        case "web":
            return f"{settings.BASE_URL}/admin/"
        case "inbox":
            inbox_page = f"{settings.BASE_URL}/admin/delivery/inboxmessage/"
            return f"smtp://{settings.INBOX_HOST}:{settings.INBOX_PORT}, read what arrives at {inbox_page}"
        case "clock":
            return "starts what is due"
        case "errands":
            return "short tasks, which do not wait behind what is being sent"
        case "worker":
            return f"{settings.WORKER_PROCESSES} processes on {broker()}"
        case _:
            return f"on {broker()}"


def broker() -> str:
    """Which broker the queue is on, without its password."""
    scheme, _, rest = settings.CELERY_BROKER_URL.partition("://")
    if scheme == "folder":
        return f"the folder {settings.CELERY_BROKER_TRANSPORT_OPTIONS['folder']}"
    return f"{scheme}://{rest.rpartition('@')[2]}"
