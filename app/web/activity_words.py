"""The trail of who did what in people's words: sentences, names with links, and the facts of each act."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from flask import url_for

from app.domain.channels import Channel
from app.domain.errors import NotFound
from app.domain.outcomes import Reason
from app.domain.sizes import say_size
from app.services.people import suppressions
from app.services.providers import providers
from app.services.team.audit import SHOWN, TrailLine
from app.services.team.subjects import Subject
from app.web.wording import say_duration, say_reason, say_wall

_NOUNS = {
    "demo": "the sample data", "key": "an API key", "member": "a member", "subscriber": "a subscription",
    "target": "an address", "project": "the project", "import": "an import", "calendar_feed": "a calendar address",
}  # fmt: skip
_VERBS = {
    "create": "Added", "update": "Changed", "edit": "Changed", "delete": "Deleted", "remove": "Removed", "add": "Added",
    "export": "Exported", "upload": "Uploaded", "start": "Started", "revoke": "Revoked", "pause": "Paused",
    "resume": "Resumed", "cancel": "Cancelled", "retry": "Retried", "schedule": "Scheduled", "send": "Sent",
    "move": "Moved", "lift": "Lifted", "repair": "Unblocked", "replace": "Replaced", "finish": "Finished",
}  # fmt: skip
_EVENTS = {
    "calendar_feed.create": "Made a calendar address",
    "contact.export": "Exported contacts",
    "dead_letter.dismiss": "Dismissed dead letters",
    "dead_letter.replay": "Replayed dead letters",
    "dead_letter.undo": "Took a dismissal of dead letters back",
    "installation.confirm": "Let this installation send",
    "member.disable": "Forbade a member to sign in",
    "member.enable": "Allowed a member to sign in again",
    "member.invite": "Invited a member",
    "member.join": "Joined the project",
    "member.password": "Gave a member a new password",
    "member.roles": "Changed the roles of a member",
    "member.sign_in": "Signed in",
    "member.uninvite": "Took back an invitation",
    "message.export": "Exported deliveries",
    "message.test": "Sent a test of a message",
    "message.unschedule": "Took a message back to draft",
    "price.import": "Imported prices",
    "session.create": "Signed in as a contact",
    "session.delete": "Ended sign-ins of a contact",
    "sending.resume": "Resumed all sending",
    "sending.stop": "Stopped all sending",
    "provider.believe": "Retired devices that a provider called dead",
    "provider.create": "Connected a provider",
    "provider.delete": "Disconnected a provider",
    "provider.disable": "Switched a provider off",
    "provider.enable": "Switched a provider on",
    "provider.limit": "Set a provider's limits",
    "provider.reorder": "Changed the order of providers",
    "provider.share": "Set a provider's share",
    "provider.test": "Tested a provider",
    "template.create": "Saved a template",
    "template.restore": "Restored a version of a template",
    "template.save": "Saved a version of a template",
    "template.update": "Renamed a template",
    "subscriber.create": "Added to a topic",
    "subscriber.delete": "Took out of a topic",
    "suppression.create": "Suppressed an address",
    "suppression.lift": "Let an address be written to again",
}


def say_audit(event: str) -> str:
    """What somebody did, from the code of the trail: "message.pause" is "Paused a message"."""
    noun, _, verb = event.partition(".")
    if event in _EVENTS or verb not in _VERBS:
        return _EVENTS.get(event, event.replace(".", ": ").replace("_", " ").capitalize())
    return f"{_VERBS[verb]} {_NOUNS.get(noun, f'a {noun}')}"


class Thing(NamedTuple):
    """What something was done to: its name, its page (empty where there is none), and what is to be known besides."""

    name: str
    href: str = ""
    note: str = ""


class Fact(NamedTuple):
    """One detail of an act."""

    label: str
    value: str
    href: str = ""


class Act(NamedTuple):
    """One line of the trail as it is drawn."""

    who: str
    what: str
    thing: Thing
    facts: Sequence[Fact]
    line: TrailLine


_UNNAMED = {
    "bucket": "A bucket", "calendar_feed": "A calendar address", "contact": "A contact", "contacts": "All contacts",
    "file": "A file", "import": "An import", "installation": "This installation", "invitation": "An invitation",
    "key": "An API key", "member": "A member", "message": "A message", "price": "A price", "project": "The project",
    "provider": "A provider", "subscriber": "A subscription", "suppression": "An address", "target": "An address",
    "template": "A template", "topic": "A topic",
}  # fmt: skip
# Sorts of things that are always there, or have no page and no name of their own.
_STANDING = {"calendar_feed", "channel", "contacts", "installation", "invitation", "subscriber"}
_GONE = {
    "key": "revoked since", "member": "not in this project any more", "price": "not in the table any more",
    "suppression": "not suppressed any more",
}  # fmt: skip
# The page of each sort of thing, with what stands for it in the address.
_PAGES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "bucket": ("files.show", {"bucket_id": "id"}),
    "channel": ("providers.index", {}),
    "contact": ("contacts.show", {"contact_id": "id"}),
    "contacts": ("contacts.index", {}),
    "file": ("files.file", {"bucket_id": "place", "file_id": "id"}),
    "import": ("imports.show", {"import_id": "id"}),
    "installation": ("installation.show", {}),
    "invitation": ("members.index", {}),
    "key": ("keys.index", {}),
    "member": ("members.edit", {"member_id": "id"}),
    "message": ("message_page.show", {"message_id": "id"}),
    "price": ("prices.index", {"provider_id": "place"}),
    "project": ("settings.index", {}),
    "provider": ("providers.show", {"provider_id": "id"}),
    "suppression": ("suppressions.index", {"q": "name"}),
    "target": ("contacts.show", {"contact_id": "place"}),
    "template": ("templates.show", {"template_id": "id"}),
    "topic": ("topics.show", {"topic_id": "id"}),
}


def draw(line: TrailLine) -> Act:
    """The line with its words and links."""
    entry = line.entry
    thing = draw_thing(line.subject)
    if line.called:
        thing = thing._replace(note=f"called “{line.called}” then")
    who = line.doer or ("A contact that is not there any more" if entry.actor_kind == "contact" else "Somebody")
    return Act(who, say_audit(entry.event), thing, _facts_of(line), line)


def draw_thing(it: Subject) -> Thing:
    """Its name, or what sort of thing it is; a link to its page while there is one."""
    is_standing = it.noun in _STANDING
    href = _page_of(it) if it.is_there or is_standing else ""
    note = "" if it.is_there or is_standing else _GONE.get(it.noun, "not there any more")
    return Thing(it.name or _unnamed(it), href, note)


def _page_of(it: Subject) -> str:
    endpoint, parts = _PAGES.get(it.noun, ("", {}))
    return url_for(endpoint, **{part: getattr(it, what) for part, what in parts.items()}) if endpoint else ""


def _unnamed(it: Subject) -> str:
    if it.noun == "channel":
        return _say_channel(it.id)
    if it.noun == "target" and it.is_there:  # only devices go without a name
        return "A device"
    return _UNNAMED.get(it.noun, it.noun.replace("_", " ").capitalize())


_LABELS = {
    "at": "for", "bytes": "size", "devices": "devices retired", "email": "as", "emulated": "in the Sandbox",
    "ended": "sign-ins ended", "ending": "its last signs", "goes_on": "what was under way goes on",
    "kept_provider": "Sandbox kept for your messages", "kind": "service", "late_seconds": "late by",
    "left": "recipients left", "max_lateness": "may start late by", "may_sign_in": "may sign in",
    "most_in_flight": "at once", "rate_count": "at most", "rate_seconds": "within", "secrets": "new secrets",
    "target": "address", "targets": "addresses", "topic_gap": "time between messages to a topic",
    "total": "recipients", "was": "before",
}  # fmt: skip
_CHANGED = {"member.roles": "roles", "provider.reorder": "order", "provider.share": "share"}
_LENGTHS = {"late_seconds", "max_lateness", "rate_seconds", "topic_gap"}
_UNSAID = {"session", "zone", "before", "after"}  # an id nobody knows, part of a time, and what `_changes_of` says


def _facts_of(line: TrailLine) -> list[Fact]:
    details = line.entry.details
    facts = [
        _fact(name, value, line)
        for name, value in details.items()
        if name not in _UNSAID and value not in (None, "", []) and not _is_said(line, name, value)
    ]
    return facts + [Fact(label, words) for label, words in _changes_of(line.entry.event, details)]


def _is_said(line: TrailLine, name: str, value: Any) -> bool:
    """Whether that is who or what the line is about, and stands in it already."""
    if name in line.others:
        return line.others[name] == line.subject
    is_masked = name == "address" and "target" in line.others  # of an address that is named in full
    return is_masked or str(value)[:SHOWN] in (line.subject.name[:SHOWN], line.called[:SHOWN])


def _fact(name: str, value: Any, line: TrailLine) -> Fact:
    label = _LABELS.get(name, name.replace("_", " "))
    if name not in line.others:
        return Fact(label, _say(name, value, line.entry.details))
    thing = draw_thing(line.others[name])
    return Fact(label, f"{thing.name}, {thing.note}" if thing.note else thing.name, thing.href)


def _say(name: str, value: Any, details: Mapping[str, Any]) -> str:
    if name == "at":
        return _say_moment(str(value), str(details.get("zone") or "UTC"))
    if name in _LENGTHS and isinstance(value, int):
        return say_duration(value) if value else "none"
    if name in {"reason", "reasons"}:
        return ", ".join(map(_say_code, value)) if isinstance(value, list) else _say_code(str(value))
    return _SAYINGS.get(name, say_value)(value)


def _changes_of(event: str, details: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What became what."""
    before, after = details.get("before"), details.get("after")
    if isinstance(before, dict) and isinstance(after, dict):
        names = [name for name in after if before.get(name) != after[name]]
        pairs = [(name, _say(name, before.get(name), {}), _say(name, after[name], {})) for name in names]
        return [(_LABELS.get(name, name.replace("_", " ")), f"{was} → {now}") for name, was, now in pairs]
    if before is not None and after is not None:
        return [(_CHANGED.get(event, "changed"), f"{say_value(before)} → {say_value(after)}")]
    renamed = before and before != details.get("name")
    return [("before", str(before))] if renamed else []


def _say_moment(text: str, zone: str) -> str:
    try:
        moment = datetime.fromisoformat(text).astimezone(ZoneInfo(zone))
    except (ValueError, KeyError):  # of an older Carillon, or a zone that this machine does not know
        return text
    return f"{say_wall(moment.replace(tzinfo=None).isoformat())} ({zone.replace('_', ' ')})"


def _say_code(code: str) -> str:
    if code in suppressions.REASONS:
        return suppressions.REASONS[code].lower()
    return say_reason(code).rstrip(".") if code in list(Reason) else code.replace("_", " ")


def _say_channel(channel: str) -> str:
    return Channel(channel).label if channel in list(Channel) else channel


def _say_kind(kind: str) -> str:
    try:
        return providers.spec_of(kind).label
    except NotFound:
        return kind


_SAYINGS: Mapping[str, Callable[[Any], str]] = {"bytes": say_size, "channel": _say_channel, "kind": _say_kind}


def say_value(value: Any) -> str:
    """A detail of the trail as people read it: yes and no, numbers with separators, lists with commas."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_say_tier, value))
    return "–" if value in (None, "") else str(value)


def _say_tier(value: Any) -> str:
    """A part of a list; in an order of providers those that stand side by side are a list themselves."""
    return " beside ".join(map(say_value, value)) if isinstance(value, list) else say_value(value)
