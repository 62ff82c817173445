"""What a view may ask of the process it runs in: the workshop, and a work opened for whoever asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, tzinfo
from typing import cast
from zoneinfo import ZoneInfo

from flask import current_app, g  # noqa: TID251 - the one place where views meet the app's own parts

from app.domain.permissions import Actor
from app.services.work import Work, Workshop


def workshop() -> Workshop:
    """The workshop of this process."""
    return cast("Workshop", current_app.extensions["carillon"])


def actor() -> Actor:
    """Whoever asks, in the project that the address names."""
    return cast("Actor", g.actor)


def zone() -> tzinfo:
    """The zone that times are shown and typed in: the project's."""
    project = g.get("project")
    return ZoneInfo(project.time_zone) if project else UTC


@contextmanager
def opening() -> Iterator[Work]:
    """A work that may change things, for whoever asks."""
    with workshop().open(actor()) as work:
        yield work


@contextmanager
def reading() -> Iterator[Work]:
    """A work that only reads, for whoever asks."""
    with workshop().read(actor()) as work:
        yield work
