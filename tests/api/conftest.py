"""What tests of the API may ask for: the whole app, keys, and a program that holds one with every scope."""

from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask

from app.domain.permissions import Actor
from app.services.team import keys
from app.services.work import Workshop
from tests.api.caller import Caller
from tests.one_app import app_for

MakeKey = Callable[..., str]


@pytest.fixture
def app(workshop: Workshop) -> Flask:
    app = app_for(workshop)
    app.testing = False
    return app


@pytest.fixture
def make_key(workshop: Workshop, actor: Actor) -> MakeKey:
    """Make a key with these scopes; its secret."""

    def make(*scopes: str, expires_at: datetime | None = None) -> str:
        with workshop.open(actor) as work:
            return keys.create_key(work, name="Shop", scopes=list(scopes) or ["all"], expires_at=expires_at)[1]

    return make


@pytest.fixture
def api(app: Flask, make_key: MakeKey) -> Caller:
    """A program that may do everything."""
    return Caller(app, make_key())
