"""Two drafts of the demo story that are no emails: a push notification and a text message, to be finished and tried."""

from collections.abc import Mapping
from datetime import timedelta

from app.domain.channels import Channel
from app.domain.content import Content, PushContent, SmsContent, channel_of, title_of
from app.domain.message_states import MessageStatus
from app.engine import timeline
from app.models.messages import Message
from app.models.topics import Topic
from app.services.messages.messages import KINDS
from app.services.providers import provider_sandbox
from app.services.story.demo_people import Ids
from app.services.work import Work

_KINDS = {Channel.PUSH: ("fcm", "Sandbox push"), Channel.SMS: ("twilio", "Sandbox SMS")}  # what carries them
# Written when all of the emails were there already: lists show the newest first, as it was added.
_DRAFTS: tuple[tuple[str, int, str, Content], ...] = (
    ("concerts", 12, "Jonas Adeyemi", PushContent(
        title="Tonight: bells at dusk 🔔",
        body="{{ first_name | Hello }}, half an hour of music from six o'clock. It sounds best under the linden tree.",
        action="https://example.org/concerts/dusk", color="#0f766e", tag="dusk", sound="default",
    )),
    ("service", 6, "Ines Carvalho", SmsContent(
        "Dear {{ first_name | all }}, the lift is tested this morning – the tower opens at noon. "
        "Your ticket stays valid all day. See you 🎵"
    )),
)  # fmt: skip


def add(work: Work, topics: Mapping[str, Topic], ids: Ids) -> None:
    """Add those whose channel has an emulator on this machine, each pinned to it: nothing of the story may leave."""
    running = set(provider_sandbox.kinds(work))
    for circle, minutes, writer, content in _DRAFTS:
        kind, name = _KINDS[channel_of(content)]
        if kind not in running:
            continue
        written, title = work.now - timedelta(minutes=minutes), title_of(content)
        message = Message(
            id=ids.take(written), project_pk=work.project_pk, channel=channel_of(content).value, title=title,
            title_key=title.casefold(), content=content.to_json(),
            audience={each: list[str]() for each in KINDS} | {"topics": [topics[circle].id]},
            status=MessageStatus.DRAFT.value, provider_pk=_connect(work, kind, name), version=7, author_name=writer,
            editor_name=writer, is_demo=True, created_at=written, updated_at=written,
        )  # fmt: skip
        work.session.add(message)
        work.session.flush()
        timeline.note(work.session, message.pk, "created", written, by=writer)


def _connect(work: Work, kind: str, name: str) -> int:
    """The number of the Sandbox of that kind; one that was not there before goes with the story."""
    bells = len(work.bells)
    provider = provider_sandbox.connect_emulated(work, kind)
    if provider.created_at == work.now:
        provider.name, provider.is_demo = name, True
        work.bells[bells:] = [bell for bell in work.bells[bells:] if bell[0] != "wake"]
    return provider.pk
