"""The role strings of callers."""

from app.domain.caller_roles import roles_of_contact
from app.domain.subscribe_roles import is_role


def test_a_contact_holds_the_roles_of_the_contract() -> None:
    assert roles_of_contact("ann", is_verified=True, labels=["vip"]) == {
        "any", "users", "users/verified", "user:ann", "user:ann/verified", "label:vip",
    }  # fmt: skip
    assert roles_of_contact("ann", is_verified=False, labels=[]) == {
        "any", "users", "users/unverified", "user:ann", "user:ann/unverified",
    }  # fmt: skip


def test_every_role_of_a_contact_can_stand_in_a_topic() -> None:
    assert all(is_role(role) for role in roles_of_contact("ann.b-c_1", is_verified=True, labels=["A1"]))
