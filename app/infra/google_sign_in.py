"""How a service account signs in at Google: a signed assertion for an access token (RFC 7523, 2.1)."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import httpx

from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.infra.clock import SystemClock
from app.infra.http import HttpReply, HttpRequest, exchange
from app.infra.http_outcomes import outcome_of_failure, outcome_of_status
from app.infra.sealed_tokens import Token
from app.infra.signatures import Algorithm, KeyUnusable, check_key, sign_claims
from app.infra.tokens import TokenCache

TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
# The account's file names the address that gets its signed assertion: nobody may name one of our own network.
TOKEN_HOSTS = frozenset({"oauth2.googleapis.com", "www.googleapis.com", "accounts.google.com"})
PATIENCE = 10.0  # seconds
SKEW = 60  # seconds that our clock may be ahead of Google's
LIFETIME = 3600  # seconds that an assertion holds, the most that is allowed, and a token as a rule
EARLY = 240  # seconds; with the cache's own minute a token is renewed five minutes before its end

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class SignInFailed(Exception):
    """No access token; the outcome says what that means for what was to be sent."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What a service account's file says. Source: Google Cloud, Create and delete service account keys."""

    project: str
    email: str
    key: str = field(repr=False)
    key_id: str = ""
    uri: str = TOKEN_URI

    @classmethod
    def read(cls, found: Any) -> "KeyFile":
        """The file from its JSON object; SignInFailed when something that is needed is missing."""
        if not isinstance(found, dict):
            raise _unusable("The service account JSON is missing, or is no JSON object.")
        needed = [found.get(name) for name in ("project_id", "client_email", "private_key")]
        if not all(isinstance(value, str) and value for value in needed):
            raise _unusable(
                "The service account JSON lacks project_id, client_email or private_key. "
                "Use the whole file as Google made it."
            )
        key_id, uri = found.get("private_key_id"), found.get("token_uri")
        project, email, key = map(str, needed)
        return cls(project, email, key, str(key_id or ""), str(uri or TOKEN_URI))

    def check(self) -> None:
        """SignInFailed when its key cannot sign, or its token_uri is not Google's. Asks no network."""
        self.trusted_uri()
        try:
            check_key(self.key, Algorithm.RS256)
        except KeyUnusable as error:
            raise _no_key(error) from None

    def trusted_uri(self) -> str:
        """Where the account signs in; SignInFailed when that is not Google's."""
        try:
            url = urlsplit(self.uri)
            is_trusted = url.scheme == "https" and url.netloc in TOKEN_HOSTS  # no other port, no user name
        except ValueError:
            is_trusted = False
        if not is_trusted:
            sentence = f"The token_uri of the service account JSON is not Google's. As a rule it is {TOKEN_URI}."
            raise _unusable(sentence, Reason.HOST_REFUSED)
        return self.uri


async def access_token(cache: TokenCache, file: KeyFile, scope: str, uri: str = "", *, refused: str = "") -> str:
    """An access token for that scope, from the cache or fresh; `refused` is one that was just turned down.

    `uri` is the operator's word for where to sign in; without one it is the file's, which must be Google's. Raises
    SignInFailed; nothing about that is uncertain, for no message was sent yet.
    """
    uri = uri or file.trusted_uri()
    digest = sha256(file.key.encode("utf-8", "surrogatepass")).hexdigest()
    key = f"google {file.email} {scope} {uri} {digest}"
    return await cache.get(key, partial(_fetch, file, scope, uri), instead_of=refused)


async def _fetch(file: KeyFile, scope: str, uri: str) -> Token:
    issued = int(SystemClock().now().timestamp()) - SKEW
    claims = {"iss": file.email, "scope": scope, "aud": uri, "iat": issued, "exp": issued + LIFETIME}
    try:
        assertion = sign_claims(file.key, Algorithm.RS256, claims, file.key_id)
    except KeyUnusable as error:
        raise _no_key(error) from None
    url = urlsplit(uri)
    request = HttpRequest.form(url.path, [("grant_type", _GRANT), ("assertion", assertion)])
    try:
        reply = await exchange(f"{url.scheme}://{url.netloc}", request, patience=PATIENCE)
    except httpx.TransportError as error:
        failure = outcome_of_failure(error)
        raise SignInFailed(Outcome(OutcomeKind.TRANSIENT, failure.reason, failure.detail)) from None
    return _read(reply, assertion)


def _read(reply: HttpReply, assertion: str) -> Token:
    answer = reply.fields()
    value, seconds = answer.get("access_token"), answer.get("expires_in")
    if reply.is_good and isinstance(value, str) and value and value.isascii() and value.isprintable():
        lifetime = min(max(seconds, 0), LIFETIME) if isinstance(seconds, int) else LIFETIME
        return Token(value, SystemClock().now() + timedelta(seconds=lifetime - min(EARLY, lifetime / 2)))
    if reply.is_good:
        raise SignInFailed(
            Outcome(OutcomeKind.TRANSIENT, Reason.SERVER_ERROR, "The answer to the sign-in holds no token.")
        )
    said = f"{answer.get('error') or ''}: {answer.get('error_description') or ''}".strip(" :") or reply.line
    outcome = outcome_of_status(reply, said.replace(assertion, "…"))
    if outcome.kind is OutcomeKind.MESSAGE_PERMANENT:  # 400 invalid_grant: the key was revoked, or a clock is wrong
        outcome = Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED, outcome.detail, outcome.code)
    raise SignInFailed(outcome)


def _no_key(error: KeyUnusable) -> SignInFailed:
    return _unusable(f"The private_key in the service account JSON cannot be used. {error}")


def _unusable(sentence: str, reason: Reason = Reason.NOT_CONFIGURED) -> SignInFailed:
    return SignInFailed(Outcome(OutcomeKind.CONFIG_PERMANENT, reason, sentence))
