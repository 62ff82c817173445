"""The settings of a project: its name, its time zone, how late its messages may start, its unsubscribe mailbox."""

from datetime import timedelta

from app.domain.addresses import normalise_email
from app.domain.errors import Invalid
from app.domain.names import name_problems
from app.domain.schedules import LATENESSES
from app.infra.time_zones import names
from app.models.projects import Project
from app.services.work import Work


def project_of(work: Work) -> Project:
    """The project of whoever asks."""
    work.require("settings.read")
    return work.project


def time_zones() -> list[str]:
    """The zones a project can have, by name."""
    return [*sorted(zone for zone in names() if "/" in zone and not zone.startswith("Etc/")), "UTC"]


def change_project(
    work: Work,
    *,
    name: str,
    time_zone: str,
    unsubscribe_mailbox: str | None = None,
    max_lateness: timedelta | None = None,
) -> Project:
    """Give the project another name or time zone; scheduled messages keep their moment. Raises Invalid by field.

    `unsubscribe_mailbox` is an email address that the header of emails to topics names beside the link (RFC 2369);
    empty for none, None to leave it as it is. `max_lateness` is how late messages may start that do not say so
    themselves; None leaves it.
    """
    work.require("project.write")
    problems: dict[str, list[str]] = {}
    name = name.strip()
    if wrong := name_problems(name):
        problems["name"] = wrong
    if time_zone not in names():
        problems["time_zone"] = ["Time zone is not one of the list; choose one such as Europe/Berlin."]
    project = work.project
    mailbox = project.unsubscribe_mailbox if unsubscribe_mailbox is None else unsubscribe_mailbox.strip()
    address = normalise_email(mailbox)
    if mailbox and (address is None or not address.isascii()):
        problems["unsubscribe_mailbox"] = ["Unsubscribe mailbox needs one email address like leave@example.org."]
    if max_lateness is not None and max_lateness not in LATENESSES:
        problems["max_lateness"] = ["Choose how late a message may start from the list."]
    if problems:
        raise Invalid(problems)
    before = _facts_of(project)
    project.name, project.time_zone, project.unsubscribe_mailbox = name, time_zone, address or ""
    if max_lateness is not None:
        project.max_lateness = int(max_lateness.total_seconds())
    project.updated_at = work.now
    work.audit("project.update", f"project/{project.id}", before=before, after=_facts_of(project))
    return project


def _facts_of(project: Project) -> dict[str, str | int]:
    return {
        "name": project.name, "time_zone": project.time_zone, "unsubscribe_mailbox": project.unsubscribe_mailbox,
        "max_lateness": project.max_lateness,
    }  # fmt: skip
