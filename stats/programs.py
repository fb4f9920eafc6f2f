"""What a message was looked at with, from the user agent: the program and the kind of device."""

from functools import lru_cache
from typing import NamedTuple

import ua_parser

MOBILE = ("Android", "iOS", "Windows Phone")
TABLETS = ("iPad", "Kindle", "Nexus 7", "Nexus 10", "Tablet")


class Program(NamedTuple):
    """`client`: Chrome, Apple Mail, Outlook...; `device`: desktop, phone, tablet; "" where it is not known."""

    client: str
    device: str


@lru_cache(maxsize=16_384)
def program(user_agent: str) -> Program:
    if not user_agent:
        return Program("", "")
    parsed = ua_parser.parse(user_agent)
    client = parsed.user_agent.family if parsed.user_agent else ""
    system = parsed.os.family if parsed.os else ""
    family = parsed.device.family if parsed.device else ""
    return Program(client[:64], _device(system, family))


def _device(system: str, family: str) -> str:
    if any(name in family for name in TABLETS):
        return "tablet"
    if system in MOBILE:
        return "phone"
    return "desktop" if system else ""
