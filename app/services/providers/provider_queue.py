"""What waits for a provider, and so is not lost while it is repaired, changed or switched off."""

from sqlalchemy import func, select

from app.domain.message_states import MessageStatus
from app.models.deliveries import Tally
from app.models.messages import Message
from app.models.providers import Provider
from app.services.work import Work


def waiting_for(work: Work, provider: Provider) -> int:
    """How many deliveries are queued that this provider may carry: those of messages being sent on its channel.

    Messages that name another provider are left out; paused ones count, because they go on one day.
    """
    work.require("providers.read")
    found = work.session.scalar(
        select(func.coalesce(func.sum(Tally.queued), 0))
        .join(Message, Message.pk == Tally.message_pk)
        .where(
            Message.project_pk == work.project_pk, Message.channel == provider.channel,
            Message.status == MessageStatus.PROCESSING,
            Message.provider_pk.is_(None) | (Message.provider_pk == provider.pk),
        )
    )  # fmt: skip
    return int(found or 0)
