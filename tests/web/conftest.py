"""What page tests may ask for: the whole app, and a client that is signed in as Olga."""

import pytest
from flask import Flask

from app.services.team import members
from app.services.work import Workshop
from tests.one_app import app_for
from tests.web.page_client import PageClient, find_token

PASSWORD = "correct horse battery"


@pytest.fixture
def app(workshop: Workshop) -> Flask:
    app = app_for(workshop)
    app.testing = True
    return app


@pytest.fixture
def client(app: Flask) -> PageClient:
    """Nobody yet."""
    return PageClient(app)


@pytest.fixture
def olga(app: Flask, workshop: Workshop) -> PageClient:
    """Signed in as an admin of the project `default`."""
    return sign_in(app, workshop, "olga@acme.example", "admin")


@pytest.fixture
def vera(app: Flask, workshop: Workshop) -> PageClient:
    """Signed in as a viewer of the project `default`."""
    return sign_in(app, workshop, "vera@acme.example", "viewer")


def sign_in(app: Flask, workshop: Workshop, email: str, role: str) -> PageClient:
    """A client that signed in as a member with that role, without a look at the pages on the way."""
    from app.domain.permissions import system  # noqa: PLC0415

    with workshop.open(system()) as work:
        members.create_member(
            work, email, PASSWORD, role=role, project_id="default", name=email.partition("@")[0].title()
        )
    client = PageClient(app)
    token = find_token(client.raw.get("/sign-in").text)
    answer = client.raw.post("/sign-in", data={"csrf_token": token, "email": email, "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    return client
