"""Users by the official Python SDK 27.0.0: their addresses, passwords, sessions, tokens, targets."""

from typing import Any

import pytest
from appwrite.enums.messaging_provider_type import MessagingProviderType
from appwrite.enums.password_hash import PasswordHash
from appwrite.id import ID
from appwrite.query import Query
from appwrite.services.account import Account
from appwrite.services.users import Users

from tests.sdk.conftest import Access, refusal
from tests.sdk.hashed_passwords import BROUGHT

PASSWORD = "a few words of hers"


def test_a_user_is_made_changed_found_and_deleted(users: Users) -> None:
    made = users.create(
        ID.unique(), email="Zoe@Example.org", phone="+4917099999999", password=PASSWORD, name="Zoe",
    )  # fmt: skip
    assert (made.email, made.prefs.data, len(made.targets)) == ("zoe@example.org", {}, 2)
    assert (made.hash, made.status, made.mfa) == ("argon2", True, False)
    assert users.update_name(made.id, "Zoë").name == "Zoë"
    assert users.update_email(made.id, "zoe2@example.org").email == "zoe2@example.org"
    assert users.update_phone(made.id, "+4917088888888").phone == "+4917088888888"
    assert users.update_prefs(made.id, {"city": "Bonn"}).data == {"city": "Bonn"}
    assert users.get_prefs(made.id).data == {"city": "Bonn"}
    assert users.update_email_verification(made.id, email_verification=True).emailverification
    assert users.update_phone_verification(made.id, phone_verification=True).phoneverification
    assert users.update_labels(made.id, ["vip", "press"]).labels == ["vip", "press"]
    assert not users.update_status(made.id, status=False).status
    assert users.update_password(made.id, PASSWORD[::-1]).passwordupdate >= made.passwordupdate
    found = users.list([Query.contains("labels", ["vip"]), Query.equal("emailVerification", [True])], search="zoe2")
    assert (found.total, found.users[0].id) == (1, made.id)
    assert users.get(made.id).name == "Zoë"
    assert users.delete(made.id) == b""
    assert refusal(users.get, made.id) == (404, "user_not_found")


def test_a_user_has_targets(users: Users) -> None:
    made = users.create(ID.unique(), email="tom@example.org")
    target = users.create_target(made.id, ID.unique(), MessagingProviderType.PUSH, "token-1", name="Phone")
    assert users.update_target(made.id, target.id, identifier="token-2").identifier == "token-2"
    shown = users.get_target(made.id, target.id)
    assert (shown.providertype, shown.name, shown.expired) == ("push", "Phone", False)
    assert users.list_targets(made.id, queries=[Query.order_desc("$createdAt")]).targets[0].id == target.id
    assert users.delete_target(made.id, target.id) == b""
    assert refusal(users.get_target, made.id, target.id) == (404, "user_target_not_found")


def test_a_program_signs_a_user_in_and_out(shop: Access, users: Users) -> None:
    made = users.create(ID.unique(), email="uma@example.org", password=PASSWORD)
    session = users.create_session(made.id)
    assert (session.userid, bool(session.secret)) == (made.id, True)
    assert Account(shop.client(key="").set_session(session.secret)).get().id == made.id
    token = users.create_jwt(made.id, session.id, 60).jwt
    assert Account(shop.client(key="").set_jwt(token)).get().email == "uma@example.org"
    assert [each.id for each in users.list_sessions(made.id).sessions] == [session.id]
    assert users.delete_session(made.id, session.id) == b""
    gone = Account(shop.client(key="").set_session(session.secret))
    assert refusal(gone.get) == (401, "general_unauthorized_scope")
    users.create_session(made.id)
    assert users.delete_sessions(made.id) == b""
    assert users.list_sessions(made.id).total == 0


@pytest.mark.parametrize("brought", BROUGHT, ids=lambda brought: brought[0])
def test_a_user_of_another_service_keeps_its_password(
    shop: Access, users: Users, brought: tuple[str, str, dict[str, Any], str, str]
) -> None:
    method, text, options, password, algorithm = brought
    email = f"{method.replace('_', '-')}@example.org"
    made = getattr(users, method)(ID.unique(), email, text, name="Brought", **options)
    assert (made.password, made.hash, made.name) == (text, algorithm, "Brought")
    assert Account(shop.client()).create_email_password_session(email, password).userid == made.id


def test_the_version_of_a_hash_may_be_named(users: Users) -> None:
    text = "98decc62ece399a22ed30d490ef333be7fde7385"
    assert users.create_sha_user(ID.unique(), "sha1@example.org", text, PasswordHash.SHA1).hash == "sha"


def test_what_nobody_has_here_is_truly_empty(users: Users) -> None:
    made = users.create(ID.unique())
    assert users.list_identities(queries=[Query.limit(1)], search="x").to_dict() == {"total": 0, "identities": []}
    assert users.list_memberships(made.id).to_dict() == {"total": 0, "memberships": []}
    factors = users.list_mfa_factors(made.id)
    assert (factors.totp, factors.phone, factors.email, factors.recoverycode) == (False, False, False, False)
