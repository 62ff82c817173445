"""People who sign in through the API in tests."""

from typing import Any

from flask import Flask

from tests.api.caller import Caller

PASSWORD = "correct horse battery"


def make_ann(api: Caller, **more: Any) -> Any:
    """Ann, who can sign in."""
    return api.post("/users", userId="ann", email="ann@example.org", password=PASSWORD, name="Ann", **more)


def make_ben(api: Caller) -> Any:
    """Ben, who can sign in too."""
    return api.post("/users", userId="ben", email="ben@example.org", password=PASSWORD, name="Ben")


def sign_in(app: Flask, email: str = "ann@example.org", password: str = PASSWORD, **more: Any) -> Caller:
    """Somebody with a session, which the cookies of the caller hold."""
    caller = Caller(app)
    caller.post("/account/sessions/email", email=email, password=password, **more)
    return caller


def without_session(app: Flask, **headers: str) -> Caller:
    """A caller without cookies that sends these headers (underscores are hyphens)."""
    caller = Caller(app)
    caller.client = app.test_client(use_cookies=False)  # one that keeps cookies drops those that it is given
    caller.headers |= {name.replace("_", "-"): value for name, value in headers.items()}
    return caller
