"""Whose network an address is in, as far as that tells who made a hit. Pure, but for reading two files once.

`networks.csv` beside this module holds networks that their owners have published. Operators add their own: scanners
that stand in the way of their readers (SCANNER_NETWORKS), and Apple's whole list of relays (RELAY_NETWORKS_FILE), which
changes every week and has hundreds of thousands of lines.
"""

import csv
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_pton

from django.conf import settings

PUBLISHED = Path(__file__).with_name("networks.csv")
SCANNER, CLICKS, RELAY, OWN = "scanner", "clicks", "relay", "own"


class Table:
    """Networks that do not overlap, by kind; a look-up is one bisection."""

    def __init__(self, kinds: Iterable[tuple[str, Iterable[str]]]) -> None:
        found = [(network, kind) for kind, texts in kinds for network in _collapsed(texts)]
        self._rows = {
            version: sorted(
                (int(network.network_address), int(network.broadcast_address), kind)
                for network, kind in found
                if network.version == version
            )
            for version in (4, 6)
        }
        self._starts = {version: [first for first, _, _ in rows] for version, rows in self._rows.items()}

    def kind_of(self, address: str) -> str:
        """The kind of the network that the address is in; "" where it is in none, or is no address."""
        version = 6 if ":" in address else 4
        try:
            number = int.from_bytes(inet_pton(AF_INET6 if version == 6 else AF_INET, address))
        except (OSError, ValueError):
            return ""
        place = bisect_right(self._starts[version], number) - 1
        if place < 0:
            return ""
        _, last, kind = self._rows[version][place]
        return kind if number <= last else ""


def kind_of(address: str) -> str:
    """`own`, `scanner`, `clicks` or `relay`; "" for an address that tells nothing."""
    mine = settings.SCANNER_NETWORKS
    return _kind_of(address, tuple(mine) if mine else (), settings.RELAY_NETWORKS_FILE) if address else ""


@lru_cache(maxsize=65_536)
def _kind_of(address: str, own: tuple[str, ...], relay_file: str) -> str:
    mine = _own(own).kind_of(address) if own else ""
    return mine or _published(relay_file).kind_of(address)


@lru_cache(maxsize=4)
def _own(networks: tuple[str, ...]) -> Table:
    return Table([(OWN, networks)])


@lru_cache(maxsize=4)
def _published(relay_file: str) -> Table:
    """Those of the repository; with a list of Apple's own, that one takes the place of the relays in short."""
    rows = published()
    relays = _first_column(Path(relay_file)) if relay_file else [network for network, kind in rows if kind == RELAY]
    others = [(kind, [network for network, each in rows if each == kind]) for kind in (SCANNER, CLICKS)]
    return Table([*others, (RELAY, relays)])


def published() -> list[tuple[str, str]]:
    """(network, what comes from it) of the file in the repository."""
    with PUBLISHED.open(newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        return [(row["network"], row["what"]) for row in csv.DictReader(lines)]


def _first_column(path: Path) -> list[str]:
    """As Apple publishes it: network, country, region, city. Raises OSError where it cannot be read."""
    with path.open() as file:
        return [network for line in file if (network := line.partition(",")[0].strip())]


def _collapsed(texts: Iterable[str]) -> Iterable[IPv4Network | IPv6Network]:
    """Raises ValueError for what is no network."""
    networks = [ip_network(text.strip(), strict=False) for text in texts]
    yield from collapse_addresses(network for network in networks if isinstance(network, IPv4Network))
    yield from collapse_addresses(network for network in networks if isinstance(network, IPv6Network))
