"""Who may do what: actors, roles and the permissions they hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a member is in one project; a person can hold several."""

    VIEWER = "viewer"
    COMPOSER = "composer"
    OPERATOR = "operator"
    ADMIN = "admin"


_READ = frozenset({
    "home.read", "messages.read", "deliveries.read", "contacts.read", "topics.read", "providers.read",
    "sandbox.read", "settings.read", "calendar.read", "files.read", "suppressions.read",
})  # fmt: skip
_COMPOSE = _READ | {
    "messages.write", "messages.send", "contacts.write", "topics.write", "files.write", "imports.write",
    "contacts.export",
}  # fmt: skip
_OPERATE = _READ | {
    "messages.control", "deliveries.retry", "deliveries.export", "suppressions.write", "sandbox.write",
    "contacts.export",
}  # fmt: skip
_ADMIN = _COMPOSE | _OPERATE | {
    "providers.write", "members.read", "members.write", "keys.read", "keys.write", "project.write", "audit.read",
    "demo.write", "installation.confirm",
}  # fmt: skip

PERMISSIONS: Mapping[Role, frozenset[str]] = {
    Role.VIEWER: _READ,
    Role.COMPOSER: _COMPOSE | {"messages.control"},
    Role.OPERATOR: _OPERATE,
    Role.ADMIN: _ADMIN,
}
EVERY_PERMISSION = frozenset().union(*PERMISSIONS.values())

# API key scopes are the words of the REST contract.
KEY_SCOPES = frozenset({
    "providers.read", "providers.write", "topics.read", "topics.write", "subscribers.read", "subscribers.write",
    "messages.read", "messages.write", "targets.read", "targets.write", "users.read", "users.write",
    "sessions.write", "buckets.read", "buckets.write", "files.read", "files.write", "health.read",
    "deliveries.read", "deliveries.write", "suppressions.read", "suppressions.write",
})  # fmt: skip

# The scopes of whoever shows no key (contract, 3.4). `account` is no key's: it is about whoever is signed in.
GUEST_SCOPES = frozenset({"sessions.write", "files.read", "files.write"})
CONTACT_SCOPES = GUEST_SCOPES | {"account", "targets.read", "targets.write", "subscribers.read", "subscribers.write"}
EVERY_SCOPE = KEY_SCOPES | CONTACT_SCOPES
OWN_ACCOUNT = "account.own"  # what a contact may do with what is its own; the services see to whose it is
MAKE_ACCOUNT = "account.make"  # make an account, sign in

# What each scope lets a key do, in the words of the services; an operation gets what its own scope allows, no more.
_GRANTS: Mapping[str, frozenset[str]] = {
    "providers.read": frozenset({"providers.read"}),
    "providers.write": frozenset({"providers.read", "providers.write"}),
    "topics.read": frozenset({"topics.read"}),
    "topics.write": frozenset({"topics.read", "topics.write"}),
    "subscribers.read": frozenset({"topics.read", "contacts.read"}),
    "subscribers.write": frozenset({"topics.read", "topics.write", "contacts.read"}),
    "messages.read": frozenset({"messages.read", "contacts.read"}),
    "messages.write": frozenset({
        "messages.read", "messages.write", "messages.send", "messages.control", "contacts.read", "files.read",
    }),
    "sessions.write": frozenset({MAKE_ACCOUNT}),
    "targets.read": frozenset({OWN_ACCOUNT}),
    "targets.write": frozenset({OWN_ACCOUNT}),
    "users.read": frozenset({"contacts.read"}),
    "users.write": frozenset({"contacts.read", "contacts.write"}),
    "buckets.read": frozenset({"files.read"}),
    "buckets.write": frozenset({"files.read", "files.write"}),
    "files.read": frozenset({"files.read"}),
    "files.write": frozenset({"files.read", "files.write"}),
    "deliveries.read": frozenset({"messages.read", "deliveries.read"}),
    "deliveries.write": frozenset({"messages.read", "deliveries.read", "deliveries.retry"}),
    "suppressions.read": frozenset({"suppressions.read"}),
    "suppressions.write": frozenset({"suppressions.read", "suppressions.write"}),
}  # fmt: skip

# The same for contacts and guests: never more than what is theirs, however much a key could do with that scope.
_OWN_GRANTS: Mapping[str, frozenset[str]] = {
    "account": frozenset({OWN_ACCOUNT}),
    "sessions.write": frozenset({MAKE_ACCOUNT}),
    "targets.read": frozenset({OWN_ACCOUNT}),
    "targets.write": frozenset({OWN_ACCOUNT}),
    "subscribers.read": frozenset({OWN_ACCOUNT, "topics.read"}),
    "subscribers.write": frozenset({OWN_ACCOUNT, "topics.read"}),
    "files.read": frozenset({"files.read"}),
    "files.write": frozenset({"files.read", "files.write"}),
}


def permissions_of_scope(scope: str, *, is_key: bool = True) -> frozenset[str]:
    """What an operation with that scope may ask of the services, for a key or for a contact or guest."""
    return (_GRANTS if is_key else _OWN_GRANTS).get(scope, frozenset())


class ActorKind(StrEnum):
    """What sort of thing asks."""

    MEMBER = "member"
    KEY = "key"
    CONTACT = "contact"  # somebody of the audience, signed in through the REST API
    GUEST = "guest"  # nobody in particular, through the REST API
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever is asking, in one project. `pk` is the row of the member, key or contact; None for the system.

    `roles` are the role strings of a contact or a guest (REST contract 3.5), which row permissions are held against;
    those who are `privileged` need none.
    """

    kind: ActorKind
    name: str
    project_pk: int | None = None
    pk: int | None = None
    permissions: frozenset[str] = field(default_factory=frozenset)
    ip: str = ""
    user_agent: str = ""
    roles: frozenset[str] = frozenset()

    @property
    def is_privileged(self) -> bool:
        """Whether row permissions do not count: keys, members and the machine itself."""
        return self.kind not in {ActorKind.CONTACT, ActorKind.GUEST}

    def may(self, permission: str) -> bool:
        """Whether this actor holds the permission in its project."""
        return self.kind is ActorKind.SYSTEM or permission in self.permissions


def permissions_of(roles: frozenset[Role]) -> frozenset[str]:
    """All that these roles allow together."""
    return frozenset().union(*(PERMISSIONS[role] for role in roles))


def system(project_pk: int | None = None) -> Actor:
    """The machine itself: workers, ticker, command line."""
    return Actor(ActorKind.SYSTEM, "Carillon", project_pk)
