"""What real mail servers keep of what was sent: each letter once, for whom it was, byte for byte."""

import asyncio

import pytest

from app.domain.rendered import Attachment, Extras, Recipient, RenderedEmail
from app.infra.smtp import close_pool
from app.providers import smtp
from app.providers.base import Account, Envelope
from app.providers.mime import MimeTemplate
from tests.mta.letters import arrived, deliver, kept, letter, letters, route_to, text_of
from tests.mta.relays import DOMAIN
from tests.providers.contract import Recorder

MANY = 2_000
SETTINGS = {"fromEmail": "news@example.net", "fromName": "Acme Néws", "encryption": "none", "autoTLS": False}
BODIES = (
    "Hello {name}\n",
    ".\n..\n.hidden from {name}\n\n\n",
    "{name} " + "x" * 990 + "\n",
    "{name}, a line that is longer than a line of mail may be: " + "y" * 3000 + "\n",
    "Grüße an {name}\n.\nund 🎉\n",
    "From the workshop, {name}\n\n.\n",
)


class News:
    """A message that takes another form from recipient to recipient, with what each form is known to break."""

    def __init__(self, extras: Extras = Extras()) -> None:  # noqa: B008 - frozen
        self.extras = extras

    def render(self, recipient: Recipient) -> RenderedEmail:
        number = int(recipient.variables["number"])
        text = BODIES[number % len(BODIES)].format(name=recipient.name)
        html = f"<p>{recipient.name}</p>\n<p>.</p>\n" if number % 2 else ""
        return RenderedEmail(f"News for {recipient.name}", text, html, extras=self.extras)


def send(relay, monkeypatch, people, message=None):
    """Send with the provider itself; what it was told, and what it wrote for each address."""
    written: dict[str, bytes] = {}

    class Noted(MimeTemplate):
        def write(self, recipient, key):
            written[recipient.address] = content = super().write(recipient, key)
            return content

    monkeypatch.setattr(smtp, "MimeTemplate", Noted)
    account = Account(relay.name, {**SETTINGS, "host": "127.0.0.1", "port": relay.port}, allow_private_hosts=True)
    envelopes = [Envelope(f"{number}.message", person) for number, person in enumerate(people)]
    watch = Recorder()

    async def run():
        await smtp.PROVIDER.send(account, message or News(), envelopes, watch)
        await close_pool()

    asyncio.run(run())
    return watch, written


def people(count, prefix):
    return [
        Recipient(f"{prefix}{number}@{DOMAIN}", f"Përson {number}", {"number": str(number)}) for number in range(count)
    ]


def test_two_thousand_people_get_one_each_and_it_is_what_was_written(relay, monkeypatch):
    watch, written = send(relay, monkeypatch, people(MANY, "many"))
    assert [watch.outcomes[index].kind.value for index in range(MANY)] == ["accepted"] * MANY
    there = arrived(relay, "many")
    assert set(there) == set(written)
    assert [address for address, text in written.items() if there[address] != kept(text)] == []


def test_each_letter_goes_under_the_sender_that_it_names(relay):
    each = [letter(index, f"own{index}", sender=f"return-{index}@example.net") for index in range(25)]
    deliver(route_to(relay), each)
    found = {arrival.recipient: arrival.sender for arrival in relay.arrivals() if arrival.recipient.startswith("own")}
    assert found == {f"own{index}@{DOMAIN}": f"return-{index}@example.net" for index in range(25)}


def test_an_attachment_of_a_megabyte_arrives_whole(relay, monkeypatch):
    content = bytes(range(256)) * 4096
    message = News(Extras(attachments=(Attachment("all.bin", "application/octet-stream", content),)))
    watch, written = send(relay, monkeypatch, people(6, "enclosed"), message)
    assert [watch.outcomes[index].kind.value for index in range(6)] == ["accepted"] * 6
    assert arrived(relay, "enclosed") == {address: kept(text) for address, text in written.items()}


@pytest.mark.parametrize("connections", [1, 4])
def test_texts_that_smtp_minds_arrive_as_they_were(relay, connections):
    head = text_of("anybody@example.org").partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    bodies = [b"", b".", b".\r\n", b"..", b"\r\n.\r\n.\r\n", b"no end of line", b"z" * 998 + b"\r\n", b"\r\n" * 5,
              b"QUIT\r\nRSET\r\nMAIL FROM:<a@b.example>\r\n", b"\t.\r\n. \r\n"]  # fmt: skip
    prefix = f"minded{connections}-"
    each = [letter(index, f"{prefix}{index}", text=head + body) for index, body in enumerate(bodies * 3)]
    record = deliver(route_to(relay, connections_at_most=connections), each)
    assert record.kinds == ["accepted"] * len(each)
    assert arrived(relay, prefix) == {one.recipient: kept(one.compose()) for one in each}


def test_letters_beyond_ascii_before_the_at_sign_go_where_they_can(relay):
    each = letters(10, "grün")
    record = deliver(route_to(relay), each)
    there = arrived(relay, "grün")
    if relay.takes_utf8:
        assert record.kinds == ["accepted"] * 10
        assert there == {one.recipient: kept(one.compose()) for one in each}
    else:
        assert record.reasons == ["address_needs_smtputf8"] * 10
        assert there == {}
