"""One HTTP application for many tests: it takes a tenth of a second to make, and each test brings its own workshop.

Between two tests only the workshop changes hands: database, queue, clock and folder. Whoever changes the application
itself (a route, a setting of Flask) makes one of its own with `create_app`.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask

from app.factory import create_app
from app.infra.settings import Settings
from app.services.work import Workshop


class _Follows:
    """Stands for one part of the workshop that has the application now, in whatever kept that part for itself."""

    def __init__(self, stage: "_Stage", name: str) -> None:
        self._stage, self._name = stage, name

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(self._stage.workshop, self._name), name)


class _Stage:
    """An application, and the workshop that plays on it."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        parts: Any = [_Follows(self, name) for name in ("database", "broker", "clock")]
        self._standing = Workshop(workshop.settings, *parts, workshop.vault)
        self.app = create_app(workshop.settings, workshop=self._standing)

    def hand_to(self, workshop: Workshop) -> Flask:
        """The application for that workshop, until the next one gets it."""
        self.workshop = workshop
        self._standing.__dict__ = vars(workshop)  # one and the same: what a test changes in its workshop changes here
        return self.app


_stages: list[tuple[Settings, _Stage]] = []


def app_for(workshop: Workshop) -> Flask:
    """The application for this test; made once for all whose settings differ in nothing but where things lie."""
    alike = replace(workshop.settings, data_dir=Path(), database_url="")
    stage = next((stage for settings, stage in _stages if settings == alike), None)
    if stage is None:
        stage = _Stage(workshop)
        _stages.append((alike, stage))
    return stage.hand_to(workshop)
