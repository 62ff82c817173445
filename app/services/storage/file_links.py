"""Links to files: of pictures in push messages, signed and for a time; and of files that anybody may read anyway."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from app.domain.errors import Forbidden
from app.domain.row_permissions import allows
from app.infra.loading import later
from app.models.base import to_milliseconds
from app.models.files import Bucket, File
from app.services.storage.buckets import enter_bucket
from app.services.storage.files import OpenFile, open_row, seek_file
from app.services.work import Work

if TYPE_CHECKING:
    import jwt
else:
    jwt = later("jwt")

VALID_FOR = timedelta(days=15)  # after the message is sent: contract, quirk 17.13
_PURPOSE = "push-image"
_ALGORITHM = "HS256"
_NOBODY = frozenset({"any", "guests"})  # the roles of whoever shows nothing


def push_image_url(work: Work, bucket_id: str, file_id: str, until: datetime) -> str:
    """The address under which a device gets the picture without signing in, up to that moment.

    `until` is the time of sending and VALID_FOR. Whether the file exists is not looked at.
    """
    project_id = work.project.id
    claims = {
        "bucketId": bucket_id, "fileId": file_id, "projectId": project_id, "exp": to_milliseconds(until) // 1000,
    }  # fmt: skip
    token = jwt.encode(claims, work.vault.signing_key(_PURPOSE), algorithm=_ALGORITHM)
    path = f"/v1/storage/buckets/{quote(bucket_id, safe='')}/files/{quote(file_id, safe='')}/push"
    return f"{work.settings.address}{path}?{urlencode({'project': project_id, 'jwt': token})}"


def open_pushed(work: Work, bucket_id: str, file_id: str, token: str) -> OpenFile:
    """The file that the token is for, whoever shows it. Forbidden for any other token, NotFound when it is gone."""
    claims = _read(work, token)
    asked = {"bucketId": bucket_id, "fileId": file_id, "projectId": work.project.id}
    if claims is None or any(claims.get(name) != value for name, value in asked.items()):
        raise Forbidden("This link is not valid, or not any more.", type="user_unauthorized")
    bucket = enter_bucket(work, bucket_id)
    return open_row(work, bucket, seek_file(work, bucket, file_id))


def open_address(work: Work, bucket: Bucket, row: File) -> str:
    """The address under which anybody sees the file without signing in; empty when nobody does."""
    is_open = allows(bucket.permissions, "read", _NOBODY)
    is_open = is_open or (bucket.file_security and allows(row.permissions, "read", _NOBODY))
    if not (is_open and bucket.enabled and row.store_key):
        return ""
    path = f"/v1/storage/buckets/{quote(bucket.id, safe='')}/files/{quote(row.id, safe='')}/view"
    return f"{work.settings.address}{path}?{urlencode({'project': work.project.id})}"


def _read(work: Work, token: str) -> dict[str, object] | None:
    """The claims of a token that one of our keys signed and that has not expired by our clock."""
    rules = {"require": ["exp", "bucketId", "fileId", "projectId"], "verify_exp": False}
    for key in work.vault.signing_keys(_PURPOSE):
        try:
            claims: dict[str, object] = jwt.decode(token, key, algorithms=[_ALGORITHM], options=rules)  # type: ignore[arg-type]
        except jwt.InvalidTokenError:
            continue
        ends = claims["exp"]
        return claims if isinstance(ends, int) and ends * 1000 > to_milliseconds(work.now) else None
    return None
