"""The Python SDK 11.1.0, every method of its four services, in a process of its own; prints all of it as JSON.

PYTHONPATH=<folder with the SDK> python -m tests.sdk.old.journey <endpoint> <project> <key>
"""

import contextlib
import json
import sys
from dataclasses import dataclass

from appwrite.client import Client
from appwrite.exception import AppwriteException
from appwrite.services.account import Account
from appwrite.services.messaging import Messaging
from appwrite.services.storage import Storage
from appwrite.services.users import Users

from tests.sdk.absent import absent_methods
from tests.sdk.methods import read_methods
from tests.sdk.old.files import store_files
from tests.sdk.old.messages import run_topics, write_messages
from tests.sdk.old.people import be_somebody, keep_users
from tests.sdk.old.providers import connect_providers
from tests.sdk.old.tape import Tape
from tests.sdk.plainly import call_plainly


@dataclass(frozen=True)
class Place:
    """Where a project is, and the key to it."""

    endpoint: str
    project: str
    key: str

    def guest(self) -> Client:
        return Client().set_endpoint(self.endpoint).set_project(self.project)

    def client(self) -> Client:
        return self.guest().set_key(self.key)


def ask_for_what_is_not_here(tape: Tape, place: Place) -> None:
    """Each method that Carillon does not answer, with the plainest arguments."""
    made = Users(place.client()).create("somebody")
    session = Users(place.client()).create_session(made["$id"])["secret"]
    services = {
        "account": Account(place.guest().set_session(session)), "users": Users(place.client()),
        "messaging": Messaging(place.client()),
    }  # fmt: skip
    for method in read_methods():
        if method.full_name in absent_methods():
            taped = tape.of(services[method.service])
            with contextlib.suppress(AppwriteException):
                call_plainly(getattr(services[method.service], method.name), instead=getattr(taped, method.name))


def main(endpoint: str, project: str, key: str) -> None:
    """Walk through all of it and print {"methods": [[name, verb, path]], "notes": […]}."""
    place, tape = Place(endpoint, project, key), Tape()
    client = place.client()
    messaging, storage, users = (tape.of(service(client)) for service in (Messaging, Storage, Users))
    connect_providers(messaging)
    run_topics(messaging, users)
    enclosed = store_files(storage)
    write_messages(messaging, users, enclosed)
    keep_users(users)
    be_somebody(tape, place.guest, users)
    ask_for_what_is_not_here(tape, place)
    methods = [(each.full_name, each.verb, each.path) for each in read_methods()]
    json.dump({"methods": methods, "notes": tape.notes}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
