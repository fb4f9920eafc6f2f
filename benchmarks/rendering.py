"""How many messages a second one core renders: slots, a program, and the standard library's EmailMessage.

    python benchmarks/rendering.py [--messages 20000]

The mail has about 6 KB, ten tracked links in two parts and four further headers. The last line is JSON; `ratio` is the
messages a second of the fast path over the bar of 10,000.
"""

import argparse
import email.message
import email.policy
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="benchmark-")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.test_settings")

import django

django.setup()

from content.addressing import Addressing
from tests.content.sources import addressing, compiled

BAR = 10_000
PARAGRAPH = (
    "<p>Lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed diam nonumy eirmod tempor "
    "<a href='https://example.com/story?a=1&b=2'>read on</a> {{ city }}.</p>"
)
PAGE = (
    "<style>p{color:#333}</style><p>Hello {{ first_name|default('reader') }},</p>"
    + PARAGRAPH * 9
    + "<p><a href='{{ unsubscribe_url }}'>Unsubscribe</a></p>"
)
LOGIC = "{% if vip %}<p>For you.</p>{% endif %}"
PERSON = {"first_name": "Zoë", "city": "Köln", "vip": True}
HEADERS = (
    ("List-Unsubscribe", "<https://mail.news.example/u/ZgMFBpl2KKjczYMdHkYabcdefg>"),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ("List-Id", "Morning <morning.news.example>"),
    ("Feedback-ID", "3:7:campaign:broadsheet"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    print(json.dumps(measure(parser.parse_args().messages)))


def measure(messages: int) -> dict[str, object]:
    to = addressing(headers=HEADERS)
    slots = compiled(subject="Hi {{ first_name }}", html=PAGE)
    program = compiled(subject="Hi {{ first_name }}", html=PAGE + LOGIC)
    contents = slots.contents(PERSON, to)
    fast = per_second(lambda: slots.render(PERSON, to), messages)
    return {
        "bytes": len(slots.render(PERSON, to)),
        "slots_per_second": fast,
        "program_per_second": per_second(lambda: program.render(PERSON, to), messages // 2),
        "email_message_per_second": per_second(
            lambda: by_standard_library(contents.subject, contents.text, contents.html, to), messages // 20
        ),
        "ratio": round(fast / BAR, 2),
    }


def per_second(act: Callable[[], bytes], times: int) -> int:
    started = time.perf_counter()
    for _ in range(times):
        act()
    return int(times / (time.perf_counter() - started))


def by_standard_library(subject: str, text: str, html: str, to: Addressing) -> bytes:
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    for name, value in (("From", "post@news.example"), ("To", to.to_address), ("Subject", subject), *to.headers):
        message[name] = value
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    return message.as_bytes()


if __name__ == "__main__":
    main()
