"""The account of whoever is signed in, by the official Python SDK 27.0.0: without a key, as users of apps are."""

from collections.abc import Callable

import pytest
from appwrite.id import ID
from appwrite.services.account import Account
from appwrite.services.messaging import Messaging
from appwrite.services.users import Users

from tests.sdk.conftest import Access, refusal

PASSWORD = "correct horse battery"
SignUp = Callable[[str], Account]


@pytest.fixture
def sign_up(shop: Access) -> SignUp:
    """Make an account with that name, and sign it in."""

    def sign_up(name: str) -> Account:
        email = f"{name}@people.example"
        made = Account(shop.client(key="")).create(ID.unique(), email, PASSWORD, name=name)
        assert (made.email, made.name, made.password, made.hash) == (email, name, None, None)
        session = Account(shop.client()).create_email_password_session(email, PASSWORD, duration=3_600)
        assert (session.userid, session.provider, session.factors) == (made.id, "email", ["password"])
        return Account(shop.client(key="").set_session(session.secret))

    return sign_up


def test_an_account_is_made_signed_in_and_changed(sign_up: SignUp) -> None:
    account = sign_up("iris")
    assert account.get().name == "iris"
    assert account.update_name("Iris").name == "Iris"
    assert account.update_prefs({"city": "Bonn"}).prefs.data == {"city": "Bonn"}
    assert account.get_prefs().data == {"city": "Bonn"}
    assert account.update_email("iris2@people.example", PASSWORD).email == "iris2@people.example"
    assert account.update_phone("+4917055555555", PASSWORD).phone == "+4917055555555"
    changed = account.update_password(PASSWORD[::-1], PASSWORD)
    assert changed.passwordupdate
    assert {target.identifier for target in account.get().targets} == {"iris2@people.example", "+4917055555555"}


def test_sessions_are_seen_prolonged_and_ended(shop: Access, sign_up: SignUp, users: Users) -> None:
    account = sign_up("karl")
    current = account.get_session("current")
    assert (current.current, current.secret) == (True, "")
    other = users.create_session(current.userid)
    assert account.list_sessions().total == 2
    assert account.update_session("current").expire >= current.expire
    assert account.delete_session(other.id) == b""
    assert refusal(account.get_session, other.id) == (404, "user_session_not_found")
    users.create_session(current.userid)
    account.delete_sessions(current=False)
    assert [each.id for each in account.list_sessions().sessions] == [current.id]
    assert account.delete_sessions() == b""
    assert refusal(account.get) == (401, "general_unauthorized_scope")


def test_what_nobody_has_here_is_truly_empty(sign_up: SignUp) -> None:
    account = sign_up("lena")
    assert account.list_identities().to_dict() == {"total": 0, "identities": []}
    assert account.list_memberships().to_dict() == {"total": 0, "memberships": []}
    factors = account.list_mfa_factors()
    assert (factors.totp, factors.phone, factors.email) == (False, False, False)


def test_whoever_is_signed_in_subscribes_its_own_targets(
    shop: Access, sign_up: SignUp, users: Users, messaging: Messaging
) -> None:
    client = sign_up("mona").client
    open_topic = messaging.create_topic(ID.unique(), "Open", subscribe=["users"])
    closed_topic = messaging.create_topic(ID.unique(), "Closed", subscribe=["label:staff"])
    mine, theirs = Account(client).get().targets[0], users.create(ID.unique(), email="nora@example.org").targets[0]
    hers = Messaging(client)
    made = hers.create_subscriber(open_topic.id, ID.unique(), mine.id)
    assert made.target.identifier == "mona@people.example"
    assert refusal(hers.create_subscriber, closed_topic.id, ID.unique(), mine.id) == (401, "user_unauthorized")
    assert refusal(hers.create_subscriber, open_topic.id, ID.unique(), theirs.id) == (404, "user_target_not_found")
    assert hers.delete_subscriber(open_topic.id, made.id) == b""
    assert refusal(hers.list_topics) == (401, "general_unauthorized_scope")


def test_whoever_blocks_its_own_account_is_signed_out(shop: Access, sign_up: SignUp) -> None:
    account = sign_up("otto")
    assert not account.update_status().status
    assert refusal(account.get)[0] in (401, 403)
    again = refusal(Account(shop.client(key="")).create_email_password_session, "otto@people.example", PASSWORD)
    assert again == (403, "user_blocked")
