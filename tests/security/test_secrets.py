"""Secrets that were planted everywhere, looked for everywhere: pages, exports, logs, errors, reprs, the database."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from app.domain.permissions import Actor, system
from app.engine.accounts import account_of
from app.infra.logs import set_up_logs
from app.infra.settings import Settings
from app.models.members import Member
from app.models.providers import Provider
from app.services.team import access, keys, memberships
from app.services.work import Workshop
from tests.conftest import SECRET
from tests.security.conftest import PASSWORD, SMTP_PASSWORD, World
from tests.security.places import path_of, rules_of
from tests.security.test_routes import values_for


@pytest.fixture
def planted(world: World, workshop: Workshop, actor: Actor) -> dict[str, str]:
    """Every secret of the world by what it is, in clear, hashed and sealed; nothing of them may be seen."""
    with workshop.open(actor) as work:
        token, (_, key) = memberships.invite(work, "viewer"), keys.create_key(work, name="Till", scopes=["all"])
    with workshop.read(system()) as work:
        provider = work.session.scalars(select(Provider).where(Provider.kind == "smtp")).one()
        member = work.session.scalars(select(Member).limit(1)).one()
        sealed, hashed = provider.credentials, member.password_hash
    return {
        "password of a member": PASSWORD, "hash of a password": hashed, "password of a provider": SMTP_PASSWORD,
        "sealed credentials": sealed, "secret of a key": key, "token of an invitation": token,
        "key of the installation": SECRET,
    }  # fmt: skip


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What our own logs write, set up as in a process of ours."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    set_up_logs("json", process="web")
    stream = io.StringIO()
    ours = cast("logging.StreamHandler[Any]", root.handlers[0])
    ours.setStream(stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def seen_in(planted: dict[str, str], place: str) -> list[str]:
    """Which of the secrets stand in that text."""
    return [what for what, secret in planted.items() if secret in place]


def test_no_page_no_export_and_no_log_shows_a_secret(
    world: World, planted: dict[str, str], written: io.StringIO
) -> None:
    client, leaks = world.enter("admin"), {}
    for rule in rules_of(world.app, method="GET"):
        path = path_of(rule, values_for(world, rule.rule))
        if found := seen_in(planted, client.get(path).get_data().decode("utf-8", "replace")):
            leaks[path] = found
    assert leaks == {}
    assert seen_in(planted, written.getvalue()) == []


@pytest.mark.parametrize("path", ["/p/default/providers/new/smtp", "/sign-in", "/join/nonsense", "/start/nonsense"])
def test_a_form_that_is_drawn_again_forgets_what_was_secret(world: World, path: str) -> None:
    client = world.enter("admin" if path.startswith("/p/") else "")
    fields = {"name": "x", "email": "no", "host": "", "password": "sesame-typed-0815", "username": "news"}
    assert "sesame-typed-0815" not in client.post(path, data=fields).text


def test_a_page_that_breaks_shows_no_cause_and_its_log_no_secret(
    world: World, planted: dict[str, str], written: io.StringIO
) -> None:
    token = planted["token of an invitation"]

    def break_down(token: str) -> str:
        raise ValueError(f"password={PASSWORD.replace(' ', '-')} of ann@example.org, Authorization: Bearer {token}")

    break_down.permission = "public"  # type: ignore[attr-defined]
    world.app.add_url_rule("/join/<token>/broken", view_func=break_down)
    answer = world.app.test_client().get(f"/join/{token}/broken")
    log = written.getvalue()
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text
    assert "ValueError" not in answer.text
    assert "ValueError" in log
    assert seen_in(planted, answer.text) == []
    assert seen_in(planted, log) == []
    assert "ann@example.org" not in log
    assert PASSWORD.replace(" ", "-") not in log


def test_an_error_of_the_database_does_not_tell_what_it_was_given(workshop: Workshop) -> None:
    with pytest.raises(SQLAlchemyError) as caught, workshop.database.begin() as session:
        session.execute(text("INSERT INTO nowhere VALUES (:secret)"), {"secret": SMTP_PASSWORD})
    assert SMTP_PASSWORD not in str(caught.value)


def test_nothing_that_holds_a_secret_says_it_in_its_repr(
    world: World, workshop: Workshop, planted: dict[str, str]
) -> None:
    with workshop.read(system(1)) as work:
        provider = work.session.scalars(select(Provider).where(Provider.kind == "smtp")).one()
        account = account_of(work.vault, work.settings, provider)
        told = [repr(each) for each in (account, provider, work, work.vault, work.settings, workshop)]
    settings = Settings(database_url=f"postgresql://u:{SMTP_PASSWORD}@h/x", redis_url=f"redis://:{SMTP_PASSWORD}@h")
    assert seen_in(planted, " ".join([*told, repr(settings)])) == []


def test_the_database_file_holds_no_secret_in_clear(
    workshop: Workshop, settings: Settings, planted: dict[str, str], request: pytest.FixtureRequest
) -> None:
    in_clear = {what: secret for what, secret in planted.items() if not what.startswith(("hash", "sealed"))}
    if request.config.getoption("--database") == "postgresql":
        with workshop.database.read() as session:
            tables = ("members", "member_sessions", "invitations", "api_keys", "providers", "audit_entries")
            content = " ".join(str(session.execute(text(f"SELECT * FROM {name}")).all()) for name in tables)
    else:
        content = "".join(path.read_bytes().decode("latin-1") for path in Path(settings.data_dir).glob("*.sqlite3*"))
    assert "olga" in content.lower() or "admin" in content
    assert seen_in(in_clear, content) == []


def test_a_session_is_kept_as_a_hash(world: World, workshop: Workshop) -> None:
    client = world.enter("viewer")
    with client.session_transaction() as session:
        token = str(session["_user_id"])
    with workshop.read(system()) as work:
        assert access.resume(work, token) is not None
        rows = work.session.execute(text("SELECT token_hash FROM member_sessions")).scalars().all()
    assert token not in rows


def test_a_kept_password_never_travels_to_a_host_that_somebody_else_chose(world: World) -> None:
    """Who may change a provider may not read its password, not even by pointing it at a server of their own."""
    client, provider = world.enter("admin"), world.values["provider_id"]
    fields = {
        "name": "Mail", "policy": "retry", "host": "mail.evil.example", "port": "25", "encryption": "none",
        "username": "news", "password": "", "fromEmail": "news@acme.example", "fromName": "News",
    }  # fmt: skip
    for act in ("save", "test"):
        answer = client.post(f"/p/default/providers/{provider}/edit", data={**fields, "act": act})
        assert answer.status_code == 422
        assert "type it anew, because" in answer.text
