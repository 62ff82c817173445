"""Adds the demo story to a project, for the command line."""

from app.domain.permissions import system
from app.services.story import demo
from app.services.team import projects
from app.services.work import Workshop


def seed(workshop: Workshop, project_id: str = "") -> str:
    """Add the sample data to that project (the only one, when empty); what became of it, in a sentence.

    Nothing happens when it is there already. Raises NotFound for an unknown project, Invalid when it is not clear.
    """
    with workshop.open(system()) as work:
        project = projects.choose_project(work, project_id)
    with workshop.open(system(project.pk)) as work:
        if demo.is_there(work):
            return f"Project {project.id} has sample data already; nothing was added."
        added = demo.add(work)
    return (
        f"Added {added.contacts:,} contacts, {added.topics} topics and {added.messages} messages to project "
        f"{project.id}. They are marked as sample data; the settings remove them in one step."
    )
