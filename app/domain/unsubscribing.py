"""What stands in an unsubscribe link, and the header fields that carry it (RFC 2369, RFC 8058)."""

from dataclasses import dataclass
from urllib.parse import quote

VARIABLES = ("unsubscribe_url", "preferences_url")  # what authors write in braces
PATH = "/u"  # what lies under it is open to whoever holds a link
PREFERENCES = "/preferences"  # behind a link: the page of all choices
ONE_CLICK = ("List-Unsubscribe", "One-Click")  # the only field of the body that a mailbox provider posts
MOST_TOPICS = 60  # named in a link; what goes to more is looked up by its message
_VERSION = 1
_CHANNELS = ("email", "sms", "push")  # by their number in a link: links live for years, so this only grows


@dataclass(frozen=True, slots=True)
class Ticket:
    """One address's right to leave what one message was about.

    `issued` is when sending began, in whole seconds since 1970: rows that are younger have taken over the number of one
    that is gone. `topics` are rows' numbers; none means that the message went to no topic, or to too many to name.
    `address` is the key of the address (`domain.addresses`). A sample stands in previews and tests and does nothing.
    """

    project_pk: int
    message_pk: int
    issued: int
    channel: str
    address: str
    topics: tuple[int, ...] = ()
    is_bulk: bool = False
    is_sample: bool = False

    def written(self) -> bytes:
        """The ticket as octets, the address last."""
        return self.start() + self.address.encode()

    def start(self) -> bytes:
        """All but the address: the same for everybody who gets the message."""
        named = self.topics if len(self.topics) <= MOST_TOPICS else ()
        flags = _CHANNELS.index(self.channel) | self.is_bulk << 2 | self.is_sample << 3 | _VERSION << 4
        numbers = (self.project_pk, self.message_pk, self.issued, len(named), *named)
        return bytes([flags]) + b"".join(map(_written_number, numbers))


def read_ticket(octets: bytes) -> Ticket | None:
    """The ticket of `Ticket.written`; None for anything else."""
    try:
        flags, at = octets[0], 1
        numbers: list[int] = []
        while len(numbers) < 4 or len(numbers) < 4 + numbers[3]:
            number, at = _read_number(octets, at)
            numbers.append(number)
        address = octets[at:].decode()
    except (IndexError, ValueError):
        return None
    if flags >> 4 != _VERSION or flags & 3 >= len(_CHANNELS) or not address:
        return None
    return Ticket(
        numbers[0], numbers[1], numbers[2], _CHANNELS[flags & 3], address, tuple(numbers[4:]),
        is_bulk=bool(flags & 4), is_sample=bool(flags & 8),
    )  # fmt: skip


def list_headers(url: str, *, mailbox: str = "", is_one_click: bool = True) -> tuple[tuple[str, str], ...]:
    """The fields of an email that goes to a topic: where to leave, and that one POST there is enough.

    `mailbox` is an email address that takes the same wish. RFC 8058 promises one click for https alone.
    """
    places = f"<{url}>, <mailto:{quote(mailbox, safe='@')}?subject=unsubscribe>" if mailbox else f"<{url}>"
    where = ("List-Unsubscribe", places)
    return (where, ("List-Unsubscribe-Post", "=".join(ONE_CLICK))) if is_one_click else (where,)


def _written_number(number: int) -> bytes:
    """Seven bits an octet, the low ones first, the eighth set where more follow (LEB128)."""
    octets = bytearray()
    while number > 127:
        octets.append(number & 127 | 128)
        number >>= 7
    octets.append(number)
    return bytes(octets)


def _read_number(octets: bytes, at: int) -> tuple[int, int]:
    """The number there, and where the next thing begins. IndexError at the end, ValueError for one without end."""
    number = 0
    for place in range(10):
        octet = octets[at + place]
        number |= (octet & 127) << 7 * place
        if octet < 128:
            return number, at + place + 1
    raise ValueError("A number of more than ten octets")
