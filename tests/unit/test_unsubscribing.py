"""Unsubscribe links: what they say comes back whole, nobody else can read, make or bend one."""

import re

from hypothesis import given
from hypothesis import strategies as st

from app.domain.unsubscribing import MOST_TOPICS, Ticket, list_headers, read_ticket
from app.infra.sealing import Sealer
from app.infra.vault import Vault

OLD, NEW = "an old key that is long enough for anybody", "a new key that is long enough for everybody"
NUMBER = st.integers(0, 2**63 - 1)
TICKETS = st.builds(
    Ticket, NUMBER, NUMBER, NUMBER, st.sampled_from(["email", "sms", "push"]),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=320),
    st.lists(NUMBER, max_size=MOST_TOPICS).map(tuple), st.booleans(), st.booleans(),
)  # fmt: skip


def sealer(*keys: str) -> Sealer:
    return Sealer(Vault(keys).signing_keys("unsubscribe"))


@given(TICKETS)
def test_a_ticket_comes_back_as_it_was(ticket: Ticket) -> None:
    seals = sealer(NEW)
    token = seals.seal(ticket.written())
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    opened = seals.open(token)
    assert opened is not None
    assert read_ticket(opened) == ticket
    assert seals.seal(ticket.written()) == token, "what is tried again is the same again"


@given(TICKETS, st.data())
def test_a_changed_link_is_none(ticket: Ticket, data: st.DataObject) -> None:
    seals = sealer(NEW)
    token = seals.seal(ticket.written())
    place = data.draw(st.integers(0, len(token) - 1))
    sign = data.draw(st.sampled_from("ABCxyz019_-=+/ é"))
    changed = token[:place] + sign + token[place + 1 :]
    assert changed == token or seals.open(changed) is None
    assert seals.open(token[:place]) is None
    assert seals.open(token + sign) is None


@given(st.binary(max_size=80))
def test_no_octets_break_the_reader(octets: bytes) -> None:
    found = read_ticket(octets)
    assert found is None or found.address


def test_only_our_keys_open_it_and_old_ones_still_do() -> None:
    ticket = Ticket(1, 2, 3, "email", "ann@example.org", (4,), is_bulk=True)
    token = sealer(OLD).seal(ticket.written())
    assert sealer(NEW, OLD).open(token) == ticket.written()
    assert sealer(NEW).open(token) is None
    assert Sealer(Vault([OLD]).signing_keys("session")).open(token) is None


def test_neither_the_address_nor_its_neighbours_show() -> None:
    tokens = [sealer(NEW).seal(Ticket(1, 2, 3, "email", f"ann{n}@example.org").written()) for n in range(50)]
    assert len({token[:10] for token in tokens}) == 50, "links of one message have nothing in common"
    assert not any("ann" in token or "example" in token for token in tokens)


def test_more_topics_than_fit_are_not_named() -> None:
    many = Ticket(1, 2, 3, "email", "ann@example.org", tuple(range(MOST_TOPICS + 1)), is_bulk=True)
    read = read_ticket(many.written())
    assert read is not None
    assert (read.topics, read.is_bulk) == ((), True)


def test_a_link_to_the_longest_address_and_most_topics_fits_into_a_header_line() -> None:
    ticket = Ticket(10**6, 10**9, 2 * 10**9, "email", "a" * 242 + "@example.org", tuple(range(10**6, 10**6 + 60)))
    url = f"https://messages.example.org/u/{sealer(NEW).seal(ticket.written())}"
    (name, value), _ = list_headers(url, mailbox="leave@example.org")
    assert len(f"{name}: {value}") <= 998


def test_the_header_fields_are_those_of_the_standards() -> None:
    url = "https://e.example/u/t"
    assert list_headers(url, mailbox="leave me@example.org") == (
        ("List-Unsubscribe", "<https://e.example/u/t>, <mailto:leave%20me@example.org?subject=unsubscribe>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    )
    assert list_headers("http://e.example/u/t", is_one_click=False) == (("List-Unsubscribe", "<http://e.example/u/t>"),)
