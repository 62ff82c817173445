"""What thousands of tests need not pay for anew: costly passwords, templates, a search for garbage.

None of it changes what a test can see but for the time it takes, and the costs a password says of itself: tests of
those ask for `full_password_costs`.
"""

import gc
from collections.abc import Iterator
from types import CodeType

import pytest
from argon2 import PasswordHasher
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from app.infra import vault

_FULL = vault._HASHER


class KeptTemplates(BytecodeCache):
    """Templates that were compiled once in this process, by their name and the source they were made of."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._kept[bucket.key, bucket.checksum] = bucket.code


def pytest_configure() -> None:
    """Compile a template once in this process, and look for garbage a tenth as often.

    Python goes through everything that lives whenever 70,000 objects more do, which two apps are: with thousands of
    collected tests in memory that took two fifths of the time of tests that make an app each.
    """
    gc.set_threshold(10_000, 10, 10)
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": KeptTemplates()}


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """Argon2 as cheap as it comes: members and contacts of tests have nothing to lose."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vault, "_HASHER", PasswordHasher(time_cost=1, memory_cost=16, parallelism=1))
        yield


@pytest.fixture
def full_password_costs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Passwords are kept as dearly as the product keeps them."""
    monkeypatch.setattr(vault, "_HASHER", _FULL)
    vault._nobodys_hash.cache_clear()
    yield
    vault._nobodys_hash.cache_clear()
