"""Templates: content saved under a name, in versions that can be compared and restored; what was made from it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, false, func, select

from app.domain import content_diff
from app.domain.addresses import has_control_characters
from app.domain.channels import Channel
from app.domain.content import Content, PushContent, channel_of, content_of
from app.domain.content_diff import Change
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.message_states import MessageStatus
from app.domain.storable import is_storable
from app.domain.words import read_search
from app.infra import full_text
from app.models.messages import Message
from app.models.templates import Template, TemplateVersion
from app.services.lists.listing import Cursor, Page, page_of
from app.services.messages import message_files, messages
from app.services.work import Work

LONGEST_NAME = 128
LONGEST_NOTE = 256
MOST_CHOICES = 200


class NewerVersion(Conflict):
    """Somebody saved a version since the page was made that this one was written on."""

    def __init__(self, template: Template) -> None:
        sentence = (
            f"{template.editor_name or 'Somebody'} saved version {template.version} of {template.name} since you "
            "opened this page. Look at what changed, or save yours as the next version all the same."
        )
        super().__init__(sentence, fields={"template": [sentence]})


@dataclass(frozen=True, slots=True)
class Line:
    """One template as a list shows it, with how many messages were made from it."""

    template: Template
    uses: int


@dataclass(frozen=True, slots=True)
class Use:
    """A message that was made from a template, and from which version of it."""

    pk: int
    id: str
    title: str
    phase: str
    version: int
    author: str
    at: datetime


def list_templates(work: Work, cursor: Cursor, *, words: str = "", channel: str = "") -> Page[Line]:
    """One page of templates, newest first, that hold all `words` in name or id, of the last one its beginning."""
    work.require("messages.read")
    query = select(Template).where(Template.project_pk == work.project_pk)
    if channel:
        query = query.where(Template.channel == channel)
    if words.strip():
        asked = read_search(words)
        query = query.where(false() if asked.is_empty else and_(*full_text.holds(Template.words, asked)))
    page: Page[Template] = page_of(work.session, query, Template.pk, cursor)
    uses = _count_uses(work, [template.pk for template in page.items])
    return Page([Line(each, uses.get(each.pk, 0)) for each in page.items], page.older, page.newer)


def _count_uses(work: Work, pks: Sequence[int]) -> Mapping[int, int]:
    if not pks:
        return {}
    counted = select(Message.template_pk, func.count()).where(Message.template_pk.in_(pks))
    return {int(pk or 0): number for pk, number in work.session.execute(counted.group_by(Message.template_pk))}


def is_empty(work: Work) -> bool:
    """Whether the project has no template at all."""
    return work.session.scalar(select(Template.pk).where(Template.project_pk == work.project_pk).limit(1)) is None


def latest(work: Work, channel: str, size: int) -> tuple[list[Template], int]:
    """The templates of a channel that were changed last, at most `size`, and how many there are."""
    work.require("messages.read")
    mine = (Template.project_pk == work.project_pk, Template.channel == channel)
    found = select(Template).where(*mine).order_by(Template.updated_at.desc(), Template.pk.desc()).limit(size)
    total = work.session.scalar(select(func.count()).select_from(Template).where(*mine))
    return list(work.session.scalars(found)), total or 0


def choose_from(work: Work, channel: str) -> list[Template]:
    """The templates of a channel that a form offers, by name; at most 200."""
    work.require("messages.read")
    query = select(Template).where(Template.project_pk == work.project_pk, Template.channel == channel)
    return list(work.session.scalars(query.order_by(Template.name_key).limit(MOST_CHOICES)))


def find(work: Work, template_id: str) -> Template:
    """The template with that id; NotFound when there is none."""
    work.require("messages.read")
    template: Template = work.find(Template, template_id, noun="template")
    return template


def find_version(work: Work, template: Template, number: int | None = None) -> TemplateVersion:
    """A version of a template that was found, the newest by default; NotFound when it has none of that number."""
    wanted = template.version if number is None else number
    mine = select(TemplateVersion).where(TemplateVersion.template_pk == template.pk)
    found: TemplateVersion | None = None
    if 1 <= wanted <= template.version:  # no database is asked for a number that it could not hold
        found = work.session.scalar(mine.where(TemplateVersion.number == wanted))
    if found is None:
        raise NotFound(f"{template.name} has no version {wanted:,}. Its newest is version {template.version:,}.")
    return found


def content_at(template: Template, version: TemplateVersion) -> Content:
    """What the template said then."""
    return content_of(template.channel, version.content)


def list_versions(work: Work, template: Template, cursor: Cursor, size: int = 20) -> Page[TemplateVersion]:
    """The versions of a template that was found, newest first."""
    query = select(TemplateVersion).where(TemplateVersion.template_pk == template.pk)
    return page_of(work.session, query, TemplateVersion.pk, cursor, size)


def list_uses(work: Work, template: Template, cursor: Cursor, size: int = 20) -> Page[Use]:
    """The messages that were made from a template that was found, newest first."""
    query = select(Message).where(Message.template_pk == template.pk, Message.project_pk == work.project_pk)
    page: Page[Message] = page_of(work.session, query, Message.pk, cursor, size)
    stopped = work.project.stopped_at is not None
    uses = [
        Use(
            message.pk, message.id, message.title, message.phase(stopped=stopped),
            message.template_version or 0, message.author_name,
            messages.goes_out_at(message) or message.started_at or message.updated_at,
        )
        for message in page.items
    ]  # fmt: skip
    return Page(uses, page.older, page.newer)


def count_uses(work: Work, template: Template) -> int:
    """How many messages were made from it."""
    return _count_uses(work, [template.pk]).get(template.pk, 0)


def origin_of(work: Work, message: Message) -> Template | None:
    """The template that a message was made from; None for none, and for one that was deleted."""
    if message.template_pk is None:
        return None
    mine = select(Template).where(Template.pk == message.template_pk, Template.project_pk == work.project_pk)
    found: Template | None = work.session.scalar(mine)
    return found


def compare(work: Work, template: Template, before: int, after: int) -> list[Change]:
    """What changed from one version to another, field by field; NotFound for a version that is not there."""
    old, new = (find_version(work, template, number).content for number in (before, after))
    files = {*content_of(template.channel, old).files, *content_of(template.channel, new).files}
    known = message_files.names_of(work, sorted(files))
    counted = Counter(known.values())
    names = {file: name if counted[name] == 1 else f"{name} ({file[1]})" for file, name in known.items()}
    return content_diff.compare(old, new, names | {file: f"{file[1]} (deleted)" for file in files - known.keys()})


def create(work: Work, name: str, message_id: str, note: str = "") -> Template:
    """A template that says what that message says. A draft counts as made from it, so that more versions can follow.

    Raises Invalid by field (`name`, `note`) and NotFound.
    """
    work.require("messages.write")
    message = messages.find(work, message_id)
    content = content_of(message.channel, message.content)
    template = _add(work, name, content, note)
    _tie(message, template)
    work.audit("template.create", f"template/{template.id}", name=template.name, message=message.id)
    return template


def save_version(work: Work, template_id: str, message_id: str, *, seen: int, note: str = "") -> tuple[Template, bool]:
    """Make what that message says the newest version. With it: whether it is a new one; the same words make none.

    `seen` is the version that was the newest when the page was made: NewerVersion when there is another by now. Raises
    Invalid for a message of another channel, and NotFound.
    """
    work.require("messages.write")
    message = messages.find(work, message_id)
    template = _held(work, template_id)
    if message.channel != template.channel:
        raise Invalid({"template": [
            f"{template.name} is {_say_kind(template.channel)}; this message is not. Choose another template."
        ]})  # fmt: skip
    _refuse(_note_problems(note))
    if template.version != seen:
        raise NewerVersion(template)
    content = content_of(message.channel, message.content)
    is_new = _append(work, template, content, note)
    if is_new:
        work.audit("template.save", f"template/{template.id}", name=template.name, version=template.version)
    _tie(message, template)
    return template, is_new


def restore(work: Work, template_id: str, number: int) -> tuple[Template, bool]:
    """Make an old version the newest one again, as a version of its own; whether there is one, as in `save_version`."""
    work.require("messages.write")
    template = _held(work, template_id)
    old = find_version(work, template, number)
    is_new = _append(work, template, content_at(template, old), f"Version {number} again")
    if is_new:
        work.audit("template.restore", f"template/{template.id}", name=template.name, version=number)
    return template, is_new


def rename(work: Work, template_id: str, name: str) -> Template:
    """Give a template another name. Raises Invalid (`name`) and NotFound."""
    work.require("messages.write")
    template = _held(work, template_id)
    _refuse(_name_problems(work, template.channel, name, template.pk))
    before, name = template.name, _plain(name)
    if name != before:
        template.name, template.name_key, template.updated_at = name, name.casefold(), work.now
        work.audit("template.update", f"template/{template.id}", name=name, before=before)
    return template


def duplicate(work: Work, template_id: str) -> Template:
    """A template of its own with the newest content of another. Raises NotFound."""
    work.require("messages.write")
    source = find(work, template_id)
    content = content_at(source, find_version(work, source))
    note = f"From {source.name}, version {source.version}"
    template = _add(work, _free_name(work, source), content, note)
    work.audit("template.create", f"template/{template.id}", name=template.name, template=source.id)
    return template


def delete(work: Work, template_id: str) -> str:
    """Delete a template with its versions; its name. Messages that were made from it keep what they say."""
    work.require("messages.write")
    template = _held(work, template_id)
    work.audit("template.delete", f"template/{template.id}", name=template.name, versions=template.version)
    work.session.delete(template)
    work.session.flush()
    return template.name


def _held(work: Work, template_id: str) -> Template:
    """The template, held until the work ends, so that two versions come one after the other."""
    template = find(work, template_id)
    work.session.refresh(template, with_for_update=True)
    return template


def _tie(message: Message, template: Template) -> None:
    if message.status == MessageStatus.DRAFT:
        message.template_pk, message.template_version = template.pk, template.version


def _add(work: Work, name: str, content: Content, note: str) -> Template:
    channel = channel_of(content).value
    _refuse(_name_problems(work, channel, name) | _note_problems(note))
    name = _plain(name)
    template = Template(
        id=work.unique_id(), project_pk=work.project_pk, channel=channel, name=name, name_key=name.casefold(),
        version=1, author_name=work.actor.name, editor_name=work.actor.name, **work.stamp(),
    )  # fmt: skip
    work.session.add(template)
    work.session.flush()
    _write(work, template, content, note)
    return template


def _append(work: Work, template: Template, content: Content, note: str) -> bool:
    """Write the next version of a template that is held, unless the newest one says the same."""
    if find_version(work, template).content == _stored(content):
        return False
    template.version += 1
    template.editor_name, template.updated_at = work.actor.name, work.now
    _write(work, template, content, note)
    return True


def _write(work: Work, template: Template, content: Content, note: str) -> None:
    work.session.add(
        TemplateVersion(
            project_pk=work.project_pk, template_pk=template.pk, number=template.version, content=_stored(content),
            note=_plain(note), author_name=work.actor.name, at=work.now,
        )
    )  # fmt: skip
    work.session.flush()


def _stored(content: Content) -> dict[str, Any]:
    """The content without the address that was signed for one message's image."""
    return (replace(content, image_url="") if isinstance(content, PushContent) else content).to_json()


def _plain(text: str) -> str:
    return " ".join(text.split())


def _free_name(work: Work, source: Template) -> str:
    """The name of a copy that nobody has yet."""
    for number in range(1, 1000):
        ending = " (copy)" if number == 1 else f" (copy {number})"
        name = source.name[: LONGEST_NAME - len(ending)] + ending
        if not _is_taken(work, source.channel, name):
            return name
    raise Invalid({"name": [f"{source.name} has a thousand copies. Rename or delete some of them first."]})


def _is_taken(work: Work, channel: str, name: str, but: int = 0) -> bool:
    taken = select(Template.pk).where(
        Template.project_pk == work.project_pk, Template.channel == channel, Template.name_key == name.casefold(),
        Template.pk != but,
    )  # fmt: skip
    return work.session.scalar(taken) is not None


def _name_problems(work: Work, channel: str, name: str, but: int = 0) -> dict[str, list[str]]:
    """What is wrong with a name; `but` is the number of the template that has it already."""
    name = _plain(name)
    if not 1 <= len(name) <= LONGEST_NAME or has_control_characters(name) or not is_storable(name):
        return {"name": [f"Name needs 1 to {LONGEST_NAME} characters, like Monthly newsletter."]}
    if _is_taken(work, channel, name, but):
        return {"name": [
            f"Name “{name}” is taken by another {Channel(channel).noun} template. Choose another name, or save a new "
            "version of that template."
        ]}  # fmt: skip
    return {}


def _note_problems(note: str) -> dict[str, list[str]]:
    note = _plain(note)
    if len(note) <= LONGEST_NOTE and not has_control_characters(note) and is_storable(note):
        return {}
    return {"note": [f"Note can have at most {LONGEST_NOTE} characters, like Winter prices."]}


def _say_kind(channel: str) -> str:
    noun = Channel(channel).noun
    return f"{'an' if noun[0] in 'eS' else 'a'} {noun} template"


def _refuse(problems: dict[str, list[str]]) -> None:
    if problems:
        raise Invalid(problems)
