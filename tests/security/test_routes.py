"""Every route against every sort of visitor: who gets in, who is refused, and how."""

import pytest
from flask import Flask

from app.domain.permissions import PERMISSIONS, Role, system
from app.models.audit import AuditEntry
from app.services.work import Workshop
from app.web.access import PUBLIC
from tests.security.conftest import World
from tests.security.places import is_of_a_project, path_of, permission_of, rules_of

REFUSED = 403
NOT_THERE = 404
# They take an id and answer something else than 404 when it leads nowhere: a toast, or the same whatever it names.
SILENT = ("/take-back", "/-/when", "/topics", "/add")


def _trail(workshop: Workshop) -> int:
    """How much was ever changed, as the audit trail has it."""
    with workshop.read(system()) as work:
        return work.session.query(AuditEntry).count()


def values_for(world: World, rule: str) -> dict[str, object]:
    """What stands in a path; `number` and `kind` mean something else in each room."""
    number = "arrival" if "/sandbox" in rule else "invitation" if "/invitations" in rule else "delivery"
    kind = "smtp" if "/providers" in rule else "check"
    return {**world.values, "number": world.values[number], "kind": kind}


@pytest.mark.parametrize("role", list(Role))
def test_a_page_opens_for_those_whose_role_allows_it_and_for_nobody_else(world: World, role: Role) -> None:
    client = world.enter(role.value)
    wrong = {}
    for rule in rules_of(world.app, method="GET"):
        if not is_of_a_project(world.app, rule):
            continue
        path = path_of(rule, values_for(world, rule.rule))
        may = permission_of(world.app, rule) in PERMISSIONS[role]
        status = client.get(path).status_code
        if status not in ({200, 303} if may else {REFUSED}):
            wrong[path] = status
    assert wrong == {}


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_nothing_is_changed_by_those_whose_role_does_not_allow_it(world: World, role: Role) -> None:
    client = world.enter(role.value)
    wrong = {}
    for rule in rules_of(world.app, method="POST"):
        permission = permission_of(world.app, rule)
        if is_of_a_project(world.app, rule) and permission not in PERMISSIONS[role]:
            path = path_of(rule, values_for(world, rule.rule))
            status = client.post(path).status_code
            if status != REFUSED:
                wrong[path] = status
    assert wrong == {}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_member_of_another_project_learns_nothing_of_this_one(world: World, method: str) -> None:
    mallory = world.enter("mallory")
    wrong = {}
    for rule in rules_of(world.app, method=method):
        if is_of_a_project(world.app, rule):
            path = path_of(rule, values_for(world, rule.rule))
            status = mallory.open(path, method=method).status_code
            if status != NOT_THERE:
                wrong[path] = status
    assert wrong == {}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_ids_of_another_project_lead_nowhere_in_ones_own(world: World, workshop: Workshop, method: str) -> None:
    """Mallory is an admin of `other` and puts the ids of `default` into her own addresses."""
    mallory = world.enter("mallory")
    before, wrong = _trail(workshop), {}
    for rule in rules_of(world.app, method=method):
        if not is_of_a_project(world.app, rule) or set(rule.arguments) <= {"project_id", "kind"}:
            continue
        path = path_of(rule, {**values_for(world, rule.rule), "project_id": "other"})
        fields = {"act": "roles", "roles": "admin", **{key: world.values[f"{key}_id"] for key in ("target", "topic")}}
        answer = mallory.open(path, method=method, data=fields if method == "POST" else None)
        if answer.status_code != NOT_THERE and not path.endswith(SILENT):
            wrong[path] = answer.status_code
    assert wrong == {}
    assert _trail(workshop) == before


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_stranger_is_led_to_the_sign_in_page(world: World, method: str) -> None:
    stranger = world.enter("")
    wrong = {}
    for rule in rules_of(world.app, method=method):
        if permission_of(world.app, rule) != PUBLIC:
            path = path_of(rule, values_for(world, rule.rule))
            answer = stranger.open(path, method=method)
            if answer.status_code != 302 or not answer.headers["Location"].startswith("/sign-in"):
                wrong[path] = answer.status_code
    assert wrong == {}


# Mailbox providers post there without a cookie (RFC 8058): the address holds the secret, and a made-up one is none.
SECRET_IN_ADDRESS = "/u/<token>"


def test_no_form_is_taken_without_its_token(world: World, app: Flask) -> None:
    admin = world.enter("admin")
    app.config["WTF_CSRF_ENABLED"] = True
    wrong = {}
    for rule in rules_of(app, method="POST"):
        path = path_of(rule, values_for(world, rule.rule))
        answer = admin.post(path)
        if rule.rule.startswith(SECRET_IN_ADDRESS):
            is_refused = answer.status_code == NOT_THERE
        else:
            is_refused = answer.status_code == 400 and "Reload the page" in answer.text
        if not is_refused:
            wrong[path] = answer.status_code
    assert wrong == {}


def test_a_session_ends_when_the_account_is_switched_off_and_a_role_when_it_is_taken(world: World) -> None:
    viewer, admin = world.enter("viewer"), world.enter("admin")
    path = f"/p/default/settings/members/{world.values['member_id']}"
    assert viewer.get("/p/default/messages").status_code == 200
    assert admin.post(path, data={"act": "remove"}).status_code == 303
    assert viewer.get("/p/default/messages").status_code == NOT_THERE


def test_a_member_cannot_be_made_more_than_there_is(world: World) -> None:
    """What a form does not offer is not taken: roles that do not exist, and columns of the row."""
    admin = world.enter("admin")
    path = f"/p/default/settings/members/{world.values['member_id']}"
    answer = admin.post(path, data={"act": "roles", "roles": "king", "password_hash": "x", "project_pk": "2"})
    assert answer.status_code == 422
