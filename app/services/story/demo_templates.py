"""Templates of the demo story: one for each channel, the newsletter's in two versions with letters made from both."""

from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import select, update

from app.domain.content import Content, EmailContent, PushContent, SmsContent, channel_of
from app.models.messages import Message
from app.models.templates import Template, TemplateVersion
from app.services.story.demo_people import Ids
from app.services.work import Work


@dataclass(frozen=True, slots=True)
class _Version:
    content: Content
    days_ago: int
    author: str
    note: str = ""


_LETTER = EmailContent(
    subject="Carillon letter: ", preheader="What the bells of Glockenau play this month.",
    body="Hello {{ first_name | there }},\n\n## What you hear this month\n\n…\n\n## Dates\n\n- Sunday, noon: …\n\n"
    "With a ring,\nthe Glockenau Carillon Society\n\n---\n\n"
    "*You get this letter once a month because you asked for it.*",
)  # fmt: skip
_CLOSING = (
    "*You get this letter once a month because you asked for it.*",
    "*You get this letter once a month because you asked for it. [Leave it]({{ unsubscribe_url }})*",
)
_STORIES: tuple[tuple[str, tuple[_Version, ...]], ...] = (
    ("Carillon newsletter", (
        _Version(_LETTER, 60, "Mira Lindqvist"),
        _Version(
            replace(_LETTER, body=_LETTER.body.replace(*_CLOSING).replace("Sunday, noon", "Sunday, one o'clock")),
            12, "Ines Carvalho", "Winter hours, and a link to leave",
        ),
    )),
    ("Concert tonight", (_Version(
        PushContent(
            title="Tonight: bells at dusk",
            body="{{ first_name | Hello }}, half an hour of music, best heard from the linden tree.", sound="default",
        ), 30, "Jonas Adeyemi",
    ),)),
    ("Rehearsal moved", (_Version(
        SmsContent("The choir sings in the chapel tonight, same time. See you there, {{ first_name | all of you }}."),
        21, "Ines Carvalho",
    ),)),
)  # fmt: skip
_MADE_FROM = {"November letter:": 1, "December letter:": 2, "January letter:": 2}  # how titles begin, and the version


def add(work: Work, ids: Ids) -> None:
    """Add those whose names are not taken; the letters of the story were made from the newsletter's template."""
    for name, versions in _STORIES:
        channel = channel_of(versions[0].content).value
        mine = (Template.project_pk == work.project_pk, Template.channel == channel)
        if work.session.scalar(select(Template.pk).where(*mine, Template.name_key == name.casefold())) is None:
            _write(work, ids, name, versions)


def _write(work: Work, ids: Ids, name: str, versions: tuple[_Version, ...]) -> None:
    moments = [work.now - timedelta(days=version.days_ago) for version in versions]
    template = Template(
        id=ids.take(moments[0]), project_pk=work.project_pk, channel=channel_of(versions[0].content).value, name=name,
        name_key=name.casefold(), version=len(versions), author_name=versions[0].author,
        editor_name=versions[-1].author, is_demo=True, created_at=moments[0], updated_at=moments[-1],
    )  # fmt: skip
    work.session.add(template)
    work.session.flush()
    for number, (version, at) in enumerate(zip(versions, moments, strict=True), 1):
        work.session.add(
            TemplateVersion(
                project_pk=work.project_pk, template_pk=template.pk, number=number,
                content=version.content.to_json(), note=version.note, author_name=version.author, at=at,
            )
        )  # fmt: skip
        work.session.flush()
    if len(versions) > 1:
        _tie_letters(work, template)


def _tie_letters(work: Work, template: Template) -> None:
    for beginning, version in _MADE_FROM.items():
        letters = update(Message).where(
            Message.project_pk == work.project_pk, Message.is_demo.is_(True), Message.title.startswith(beginning)
        )
        work.session.execute(
            letters.values(template_pk=template.pk, template_version=version),
            execution_options={"synchronize_session": False},
        )
