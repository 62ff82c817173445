"""The Python SDK 27.0.0 as a whole: every method of its four services was called; what is not here says so cleanly."""

from collections.abc import Callable
from typing import Any

import pytest
from appwrite.exception import AppwriteException
from appwrite.services.account import Account
from appwrite.services.messaging import Messaging
from appwrite.services.users import Users

from tests.sdk.absent import STATUS, absent_methods
from tests.sdk.calls import answered, check_calls
from tests.sdk.conftest import Access, Installation
from tests.sdk.methods import read_methods
from tests.sdk.plainly import call_plainly

VERSION = "27.0.0"
METHODS = {each.full_name: each for each in read_methods()}
ABSENT = absent_methods()
SERVICES: dict[str, Callable[[Any], Any]] = {"account": Account, "messaging": Messaging, "users": Users}


@pytest.fixture(scope="module")
def session(shop: Access) -> str:
    """The secret of somebody who is signed in."""
    users = Users(shop.client())
    return str(users.create_session(users.create("somebody").id).secret)


@pytest.mark.parametrize("name", sorted(ABSENT))
def test_what_is_not_here_says_so(shop: Access, session: str, name: str) -> None:
    service, _, method = name.partition(".")
    client = shop.client(key="").set_session(session) if service == "account" else shop.client()
    with pytest.raises(AppwriteException) as caught:
        call_plainly(getattr(SERVICES[service](client), method))
    area = ABSENT[name]
    assert (caught.value.code, caught.value.type) == (STATUS[area.type], area.type)
    assert str(caught.value.message).endswith("."), "the error is a sentence"


def test_every_absent_method_is_one_of_the_sdk() -> None:
    assert ABSENT.keys() <= METHODS.keys()


@pytest.mark.needs_all_of("test_python_*.py")
def test_every_method_of_the_sdk_was_called_and_answered(installation: Installation) -> None:
    wanted = {name: (each.verb, each.path) for name, each in METHODS.items() if name not in ABSENT}
    done = answered(wanted.values(), installation.relay.exchanges("Python", VERSION))
    assert {name for name, request in wanted.items() if request not in done} == set()


@pytest.mark.needs_all_of("test_python_*.py")
def test_the_operations_it_exercises_are_on_file(installation: Installation) -> None:
    check_calls("python-27", "Python", VERSION, installation.relay.exchanges("Python", VERSION))
