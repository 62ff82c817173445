"""The three mail servers, each started once for all tests that do not ask for limits of their own."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.mta.exim import Exim
from tests.mta.opensmtpd import OpenSmtpd
from tests.mta.postfix import Postfix
from tests.mta.relays import Relay, running

KINDS: tuple[type[Relay], ...] = (Postfix, Exim, OpenSmtpd)
EACH = [pytest.param(kind, id=kind.name, marks=pytest.mark.needs(kind.name)) for kind in KINDS]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Who vouches for the servers' certificates."""
    return trustme.CA()


@pytest.fixture(scope="session")
def certificate(authority: trustme.CA) -> bytes:
    """Key and certificates of a server at localhost, as PEM."""
    return authority.issue_cert("localhost").private_key_and_cert_chain_pem.bytes()


@pytest.fixture(scope="session", params=EACH)
def kind(request: pytest.FixtureRequest) -> type[Relay]:
    """One of the servers, not started."""
    found: type[Relay] = request.param
    return found


@pytest.fixture(scope="session")
def relay(kind: type[Relay], certificate: bytes) -> Iterator[Relay]:
    """One of the servers, running; tests that share it write to mailboxes of their own."""
    with running(kind, certificate) as started:
        yield started


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine trusts the authority for the time of the test."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    assert ssl.create_default_context().get_ca_certs()
