"""The settings of a project: its name and its time zone."""

from zoneinfo import available_timezones

from app.domain.errors import Invalid
from app.domain.names import name_problems
from app.models.projects import Project
from app.services.work import Work


def project_of(work: Work) -> Project:
    """The project of whoever asks."""
    work.require("settings.read")
    return work.project


def time_zones() -> list[str]:
    """The zones a project can have, by name."""
    return [*sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")), "UTC"]


def change_project(work: Work, *, name: str, time_zone: str) -> Project:
    """Give the project another name or time zone; scheduled messages keep their moment. Raises Invalid by field."""
    work.require("project.write")
    problems: dict[str, list[str]] = {}
    name = name.strip()
    if wrong := name_problems(name):
        problems["name"] = wrong
    if time_zone not in available_timezones():
        problems["time_zone"] = ["Time zone is not one of the list; choose one such as Europe/Berlin."]
    if problems:
        raise Invalid(problems)
    project = work.project
    before = {"name": project.name, "time_zone": project.time_zone}
    project.name, project.time_zone, project.updated_at = name, time_zone, work.now
    work.audit("project.update", f"project/{project.id}", before=before, after={"name": name, "time_zone": time_zone})
    return project
