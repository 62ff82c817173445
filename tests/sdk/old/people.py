"""Users and the account of somebody who is signed in, by the Python SDK 11.1.0."""

from collections.abc import Callable
from typing import Any

from appwrite.client import Client
from appwrite.services.account import Account

from tests.sdk.hashed_passwords import BROUGHT
from tests.sdk.old.tape import Tape

PASSWORD = "correct horse battery"


def keep_users(users: Any) -> None:
    """A user with all that belongs to it."""
    users.create("ben", email="ben@example.org", password=PASSWORD, name="Ben")
    assert users.update_name("ben", "Benno")["name"] == "Benno"
    assert users.update_email("ben", "benno@example.org")["email"] == "benno@example.org"
    assert users.update_phone("ben", "+4917088888888")["phone"] == "+4917088888888"
    assert users.update_prefs("ben", {"city": "Bonn"}) == users.get_prefs("ben") == {"city": "Bonn"}
    assert users.update_labels("ben", ["vip"])["labels"] == ["vip"]
    assert users.update_email_verification("ben", True)["emailVerification"]
    assert users.update_phone_verification("ben", True)["phoneVerification"]
    users.update_password("ben", PASSWORD[::-1])
    assert not users.update_status("ben", False)["status"]
    assert users.update_status("ben", True)["status"]
    assert users.list(search="benno")["total"] == 1
    assert users.update_target("ann", "token", identifier="b" * 64)["identifier"] == "b" * 64
    assert users.get_target("ann", "token")["expired"] is False
    assert users.list_targets("ann")["total"] == 3
    users.delete_target("ann", "token")
    session = users.create_session("ben")
    assert users.create_jwt("ben", session["$id"], 60)["jwt"]
    assert users.list_sessions("ben")["sessions"][0]["$id"] == session["$id"]
    users.delete_session("ben", session["$id"])
    users.delete_sessions("ben")
    assert users.list_logs("ben")["total"] > 1
    assert users.list_identities()["total"] == users.list_memberships("ben")["total"] == 0
    assert not any(users.list_mfa_factors("ben").values())
    for method, text, options, _, algorithm in BROUGHT:
        email = f"{method.replace('_', '-')}@example.org"
        assert getattr(users, method)(method[7:].replace("_", "-"), email, text, **options)["hash"] == algorithm
    assert users.get("bcrypt-user")["hash"] == "bcrypt"
    users.delete("bcrypt-user")


def be_somebody(tape: Tape, guest: Callable[[], Client], users: Any) -> None:
    """Make an account, sign in, change it, sign out."""
    made = tape.of(Account(guest())).create("cleo", "cleo@example.org", PASSWORD, "Cleo")
    assert tape.of(Account(guest())).create_email_password_session("cleo@example.org", PASSWORD)["userId"] == "cleo"
    secret = users.create_session(made["$id"])["secret"]
    account = tape.of(Account(guest().set_session(secret)))
    assert account.get()["name"] == "Cleo"
    assert account.update_name("Cleopatra")["name"] == "Cleopatra"
    assert account.update_prefs({"city": "Rome"})["prefs"] == account.get_prefs() == {"city": "Rome"}
    assert account.update_email("cleo2@example.org", PASSWORD)["email"] == "cleo2@example.org"
    assert account.update_phone("+4917055555555", PASSWORD)["phone"] == "+4917055555555"
    account.update_password(PASSWORD[::-1], PASSWORD)
    token = account.create_jwt()["jwt"]
    assert tape.of(Account(guest().set_jwt(token))).get()["$id"] == "cleo"
    assert account.get_session("current")["current"]
    assert account.update_session("current")["expire"]
    other = users.create_session("cleo")["$id"]
    assert account.list_sessions()["total"] == 2
    account.delete_session(other)
    assert account.list_logs()["total"] > 1
    assert account.list_identities()["total"] == 0
    assert not any(account.list_mfa_factors().values())
    account.delete_sessions()
    secret = users.create_session("cleo")["secret"]
    assert not tape.of(Account(guest().set_session(secret))).update_status()["status"]
