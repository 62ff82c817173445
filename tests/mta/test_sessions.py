"""Sessions with real mail servers: protected, signed in, and cut off in the middle."""

import threading

from app.domain.outcomes import OutcomeKind
from app.infra.smtp_hosts import Encryption
from app.infra.smtp_opening import SmtpRoute
from tests.mta.letters import arrived, deliver, kept, letters, route_to
from tests.mta.relays import PASSWORD, USERNAME, running
from tests.providers.smtp_script import Record

SECURE = Encryption.TLS


def test_letters_arrive_over_starttls_or_not_at_all(relay, trusted):
    each = letters(100, "secure")
    record = deliver(route_to(relay, SECURE), each)
    if relay.speaks_tls:
        assert record.kinds == ["accepted"] * 100
        assert arrived(relay, "secure") == {one.recipient: kept(one.compose()) for one in each}
    else:
        assert record.reasons == ["tls_failed"] * 100
        assert arrived(relay, "secure") == {}


def test_a_certificate_that_nobody_vouches_for_gets_nothing(relay):
    record = deliver(route_to(relay, SECURE), letters(3, "doubtful"))
    assert record.reasons == ["tls_failed"] * 3
    assert arrived(relay, "doubtful") == {}


def test_who_signs_in_may_send_and_who_cannot_sends_nothing(relay, trusted):
    if relay.signs_in:
        record = deliver(route_to(relay, SECURE, username=USERNAME, password=PASSWORD), letters(30, "signed"))
        assert record.kinds == ["accepted"] * 30
        assert len(arrived(relay, "signed")) == 30
    wrong = deliver(route_to(relay, SECURE, username=USERNAME, password="wrong"), letters(3, "unsigned"))
    assert wrong.reasons == ["authentication_failed" if relay.speaks_tls else "tls_failed"] * 3
    assert arrived(relay, "unsigned") == {}


class Counted(Record):
    """A listener that says when so many were answered."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.count = count

    def answered(self, index, outcome):
        super().answered(index, outcome)
        if len(self.outcomes) == self.count:
            self.reached.set()


def test_a_server_killed_in_the_middle_loses_and_doubles_nothing_that_was_not_called_uncertain(kind, certificate):
    with running(kind, certificate) as relay:
        told, each = Counted(60), letters(400, "cut")
        killer = threading.Thread(target=lambda: (told.reached.wait(60), relay.kill(), relay.start()))
        killer.start()
        deliver(route_to(relay), each, told)
        killer.join()
        kinds = {f"cut{index}@example.org": outcome.kind.value for index, outcome in told.outcomes.items()}
        there = set(arrived(relay, "cut"))
        accepted, unsure, later = (
            {address for address, kind in kinds.items() if kind == name}
            for name in ("accepted", "uncertain", "transient")
        )
        assert len(accepted) + len(unsure) + len(later) == 400
        assert unsure | later  # it was cut off with letters on the wire
        assert accepted <= there
        assert there <= accepted | unsure
        assert len(unsure) <= SmtpRoute("", ()).connections_at_most
        left = [one for one in each if one.recipient in later]
        for _ in range(5):  # a server that has just come back may say "later" once more
            again = deliver(route_to(relay), left)
            assert {outcome.kind for outcome in again.outcomes.values()} <= {
                OutcomeKind.ACCEPTED,
                OutcomeKind.TRANSIENT,
            }
            left = [one for one in left if again.outcomes[one.index].kind is OutcomeKind.TRANSIENT]
        assert left == []
        assert set(arrived(relay, "cut")) == there | later
