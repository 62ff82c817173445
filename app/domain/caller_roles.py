"""Which role strings a caller of the REST API holds (contract, 3.5); row permissions are held against them."""

from collections.abc import Iterable

GUEST_ROLES = frozenset({"any", "guests"})


def roles_of_contact(contact_id: str, *, is_verified: bool, labels: Iterable[str]) -> frozenset[str]:
    """The roles of a contact that is signed in. `is_verified`: its email address or its phone number is.

    There are no teams here, and so no roles of teams and their members.
    """
    dimension = "verified" if is_verified else "unverified"
    mine = {"any", "users", f"users/{dimension}", f"user:{contact_id}", f"user:{contact_id}/{dimension}"}
    return frozenset(mine | {f"label:{label}" for label in labels})
