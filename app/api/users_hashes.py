"""/users/argon2, /users/bcrypt …: users who come along from another service, with the hash of their password."""

from typing import Any

from app.api.kinds import EMAIL, NEW_ID, choice, text, whole
from app.api.operations import Call, operation
from app.api.params import Param
from app.api.users import draw_user
from app.domain.channels import Channel
from app.infra import password_hashes
from app.infra.password_hashes import LONGEST_HASH, SHA_VERSIONS
from app.services.accounts import contact_accounts, contact_passwords
from app.services.work import Work

_USER = (
    Param("user_id", NEW_ID, required=True), Param("email", EMAIL, required=True),
    Param("password", text(LONGEST_HASH), required=True),
)  # fmt: skip
_NAME = Param("name", text(128, 0), "")
_SALT = text(512)
_COST = whole(1, 2**30)
_FIELDS = {"id": "userId", "sms": "phone"}


def _bring(work: Work, call: Call, kind: str, **options: Any) -> dict[str, Any]:
    """The user with the hash, which is checked as it is until the user signs in, and then made ours."""
    kept = password_hashes.bring(kind, call.password, **options)
    contact_passwords.refuse_hash(kept)
    addresses = {Channel.EMAIL.value: call.email}
    made = contact_accounts.make_contact(work, call.user_id, addresses, name=call.name, kept=lambda: kept)
    return draw_user(work, call, made)


@operation("POST", "/users/argon2", "users.write", *_USER, _NAME, status=201, fields=_FIELDS, model="User")
def create_argon2_user(work: Work, call: Call) -> dict[str, Any]:
    """Make a user whose password was hashed with argon2."""
    return _bring(work, call, "argon2")


@operation("POST", "/users/bcrypt", "users.write", *_USER, _NAME, status=201, fields=_FIELDS, model="User")
def create_bcrypt_user(work: Work, call: Call) -> dict[str, Any]:
    """Make a user whose password was hashed with bcrypt."""
    return _bring(work, call, "bcrypt")


@operation("POST", "/users/md5", "users.write", *_USER, _NAME, status=201, fields=_FIELDS, model="User")
def create_md5_user(work: Work, call: Call) -> dict[str, Any]:
    """Make a user whose password was hashed with MD5, in hexadecimal digits."""
    return _bring(work, call, "md5")


@operation("POST", "/users/phpass", "users.write", *_USER, _NAME, status=201, fields=_FIELDS, model="User")
def create_phpass_user(work: Work, call: Call) -> dict[str, Any]:
    """Make a user whose password was hashed with phpass, as WordPress did."""
    return _bring(work, call, "phpass")


@operation(
    "POST", "/users/sha", "users.write", *_USER, Param("password_version", choice(*SHA_VERSIONS), "sha3-512"), _NAME,
    status=201, fields=_FIELDS, model="User",
)  # fmt: skip
def create_sha_user(work: Work, call: Call) -> dict[str, Any]:
    """Make a user whose password was hashed with a version of SHA, in hexadecimal digits."""
    return _bring(work, call, "sha", version=call.password_version)


@operation(
    "POST", "/users/scrypt", "users.write", *_USER, Param("password_salt", _SALT, required=True),
    Param("password_cpu", _COST, required=True), Param("password_memory", _COST, required=True),
    Param("password_parallel", _COST, required=True), Param("password_length", _COST, required=True), _NAME,
    status=201, fields=_FIELDS, model="User",
)  # fmt: skip
def create_scrypt_user(work: Work, call: Call) -> dict[str, Any]:
    """Make a user whose password was hashed with scrypt, in hexadecimal digits."""
    return _bring(
        work, call, "scrypt", salt=call.password_salt, costCpu=call.password_cpu, costMemory=call.password_memory,
        costParallel=call.password_parallel, length=call.password_length,
    )  # fmt: skip


@operation(
    "POST", "/users/scrypt-modified", "users.write", *_USER, Param("password_salt", _SALT, required=True),
    Param("password_salt_separator", _SALT, required=True), Param("password_signer_key", _SALT, required=True), _NAME,
    status=201, fields=_FIELDS, model="User",
)  # fmt: skip
def create_scrypt_modified_user(work: Work, call: Call) -> dict[str, Any]:
    """Make a user whose password was hashed with Firebase's scrypt; hash, salts and key in base64."""
    return _bring(
        work, call, "scryptMod", salt=call.password_salt, saltSeparator=call.password_salt_separator,
        signerKey=call.password_signer_key,
    )  # fmt: skip
