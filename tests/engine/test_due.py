"""What of a message's queue is due, and since when."""

from datetime import timedelta

from app.domain.permissions import Actor
from app.engine.due import Due, due_of
from app.services.work import Workshop
from tests.conftest import START
from tests.sent_messages import add_delivery, make_sent

SECOND = timedelta(seconds=1)


def test_what_is_due_is_counted_over_all_ways_and_what_waits_for_later_is_not(
    any_workshop: Workshop, actor: Actor
) -> None:
    with any_workshop.open(actor) as work:
        message = make_sent(work.session, {"sent": 3, "failed": 1})
        for number, (wish, seconds) in enumerate(((0, -5), (0, 5), (7, -9), (-2, -1), (-2, 60))):
            waits = add_delivery(work.session, message, "queued", f"w{number}@example.org", at=START + seconds * SECOND)
            waits.wish_pk = wish
        work.session.flush()
        found = due_of(work.session, message.pk, START, 100)
        some = due_of(work.session, message.pk, START, 2)
        late = due_of(work.session, message.pk, START - 6 * SECOND, 1)
        none = due_of(work.session, message.pk, START - 10 * SECOND, 1)
    assert found == Due(3, START - 9 * SECOND)
    assert (some.total, late, none) == (2, Due(1, START - 9 * SECOND), Due(0, None))
