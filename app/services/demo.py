"""The demo story (being written)."""

from app.services.work import Work


def add_to_first_project(work: Work, session_token: str) -> None:
    """Being written."""


def is_there(work: Work) -> bool:
    """Being written."""
    return False
