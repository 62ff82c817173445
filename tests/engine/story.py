"""What engine tests do again and again: a message on its way, its counts, its rows."""

from typing import Any

from sqlalchemy import text

from app.domain.message_states import MessageEvent
from app.domain.permissions import Role, system
from app.engine import balance, dispatch, fanout, ledger, lifecycle
from app.engine.machine import Machine
from app.models.messages import Message
from app.services.tracking import dead_letter_orders
from app.services.work import Workshop
from tests import factories
from tests.conftest import member
from tests.engine.conftest import MailServer


def workshop_of(machine: Machine) -> Workshop:
    return Workshop(machine.settings, machine.database, machine.broker, machine.clock, machine.vault)


def connect(machine: Machine, mail: MailServer, **options: Any) -> int:
    """An SMTP provider that sends to the mail server; its number."""
    object.__setattr__(machine, "settings", machine.settings.but({"allow_private_hosts": True}))
    with workshop_of(machine).open(system(1)) as work:
        return int(factories.make_provider(work, port=mail.port, **options).pk)


def start(machine: Machine, *, people: int = 3, **columns: Any) -> int:
    """A message to that many people, started and fanned out; its number."""
    with machine.database.begin() as session:
        topic = factories.make_audience(session, people, topic=f"News {factories.number()}")
        message = factories.make_message(session, audience={"topics": [topic.id]}, **columns)
        lifecycle.start(session, message, MessageEvent.SEND, machine.clock.now())
    fanout.expand(machine, message.pk)
    return int(message.pk)


def retry(machine: Machine, message_pk: int, *, uncertain: bool = False) -> int:
    """A person tries what failed again (or what is uncertain); how many. Conflict when there is nothing."""
    with workshop_of(machine).open(member(Role.ADMIN, "Olga")) as work:
        message = work.session.get_one(Message, message_pk)
        return int(dead_letter_orders.retry(work, message.id, uncertain=uncertain).total)


def drain(machine: Machine, message_pk: int) -> None:
    """Send until nothing more may go now; a slow machine needs more than one slice of time for that."""
    while dispatch.drain(machine, message_pk):
        pass


def counts(machine: Machine, message_pk: int) -> dict[str, int]:
    """The states that are not empty, as the tally says; it must agree with the rows."""
    with machine.database.read() as session:
        tally = ledger.tally_of(session, message_pk)
        rows = balance.recount(session, message_pk)
    assert tally is not None
    told = {state: getattr(tally, state) for state in ledger.STATES}
    assert told == rows, f"the tally says {told}, the rows say {rows}"
    assert tally.audience == sum(rows.values())
    return {state: total for state, total in rows.items() if total}


def message(machine: Machine, message_pk: int) -> Message:
    with machine.database.read() as session:
        return session.get_one(Message, message_pk)


def rows(machine: Machine, sql: str, **values: Any) -> list[Any]:
    with machine.database.read() as session:
        return list(session.execute(text(sql), values).all())
