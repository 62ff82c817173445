"""Projects: make them, find them."""

from sqlalchemy import select

from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.ids import CUSTOM_ID_RULE, is_custom_id
from app.domain.names import name_problems
from app.domain.permissions import ActorKind
from app.models.projects import Project
from app.services.work import Work


def create_project(work: Work, project_id: str, *, name: str, time_zone: str = "UTC") -> Project:
    """Make a project. Raises Invalid by field, Conflict when the id is taken."""
    problems: dict[str, list[str]] = {}
    if not is_custom_id(project_id):
        problems["id"] = [f"Project id {project_id!r} cannot be. {CUSTOM_ID_RULE}"]
    name = name.strip()
    if wrong := name_problems(name):
        problems["name"] = wrong
    if problems:
        raise Invalid(problems)
    if work.session.scalar(select(Project.pk).where(Project.id == project_id)) is not None:
        raise Conflict(f"Project {project_id!r} exists already; choose another id.", type="project_already_exists")
    project = Project(id=project_id, name=name, time_zone=time_zone, **work.stamp())
    work.session.add(project)
    work.session.flush()
    work.audit("project.create", f"project/{project_id}", name=name)
    return project


def find_project(work: Work, project_id: str) -> Project:
    """The project with that id; NotFound when there is none."""
    project = work.session.scalar(select(Project).where(Project.id == project_id))
    if project is None:
        raise NotFound(f"Project {project_id!r} does not exist.", type="project_not_found")
    return project


def choose_project(work: Work, project_id: str = "") -> Project:
    """The project with that id; without one the only project, made when there is none yet.

    NotFound when there is none of that id, Invalid when there are several to choose from.
    """
    if project_id:
        project = work.session.scalar(select(Project).where(Project.id == project_id))
        if project is None:
            raise NotFound(
                f"Project {project_id!r} does not exist; make it with: carillon project create {project_id} --name NAME"
            )
        return project
    projects = work.session.scalars(select(Project).limit(2)).all()
    if len(projects) == 1:
        return projects[0]
    if projects:
        raise Invalid({"project": ["There are several projects; say which one with --project ID."]})
    return create_project(work, "default", name="My project")


def every_project(work: Work) -> list[Project]:
    """All projects, in the order they were made; for whoever runs the installation."""
    if work.actor.kind is not ActorKind.SYSTEM:
        raise Forbidden("Only the machine itself looks at all projects.")
    return list(work.session.scalars(select(Project).order_by(Project.pk)))
