"""Forms of buckets and files. They only parse; services judge."""

import re
from typing import Any, Self

from flask_wtf import FlaskForm
from wtforms import BooleanField, RadioField, SelectField

from app.domain.errors import Invalid
from app.services.storage.buckets import BucketRules
from app.web.fields import LongTextField, TextField, options

_MEGABYTE = 1024 * 1024
_NUMBER = re.compile(r"[0-9]{1,7}(?:[.,][0-9]{1,6})?")
_READERS = {"members": "", "users": 'read("users")', "any": 'read("any")'}
READING = [
    ("members", "Members of this project, and programs with a key"),
    ("users", "These, and every contact who is signed in to your app"),
    ("any", "Anybody who has the address of a file"),
]
COMPRESSION = [("none", "No"), ("gzip", "Yes, with gzip"), ("zstd", "Yes, with zstd: quicker and smaller")]
_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class BucketForm(FlaskForm):  # type: ignore[misc]
    """A bucket with its rules; the id can be chosen only when it is made."""

    name = TextField("Name", render_kw={"autocomplete": "off", "maxlength": 128})
    description = LongTextField("Description", render_kw={"rows": 2})
    allowed_extensions = TextField("Kinds of files", render_kw=_PLAIN)
    maximum_file_size = TextField("Largest file, in MB", render_kw={**_PLAIN, "inputmode": "decimal"})
    reading = RadioField("Who may read its files", choices=options(READING), default="members", validate_choice=False)
    encryption = BooleanField("Encrypt files", default=True)
    strip_metadata = BooleanField("Take place, date and camera out of pictures")
    compression = SelectField("Compress files", choices=options(COMPRESSION), default="none", validate_choice=False)
    enabled = BooleanField("Apps may use it", default=True)
    transformations = BooleanField("Apps may ask for smaller pictures", default=True)
    file_security = BooleanField("Single files may have permissions of their own")
    permissions = LongTextField("More permissions", render_kw={"rows": 3, **_PLAIN})
    id = TextField("Bucket id", render_kw={**_PLAIN, "maxlength": 36})

    @classmethod
    def filled(cls, bucket: Any, largest: int) -> Self:
        """The form for a bucket as it is; `largest` is what the server takes at most, in bytes."""
        kept = {name: getattr(bucket, name) for name in (
            "name", "description", "encryption", "strip_metadata", "compression", "enabled", "transformations",
            "file_security",
        )}  # fmt: skip
        reading = next((each for each, line in _READERS.items() if line in bucket.permissions), "members")
        reading = "any" if _READERS["any"] in bucket.permissions else reading
        rest = [line for line in bucket.permissions if line not in _READERS.values()]
        size = "" if bucket.maximum_file_size == largest else _megabytes(bucket.maximum_file_size)
        return cls(
            **kept, allowed_extensions=", ".join(bucket.allowed_extensions), maximum_file_size=size, reading=reading,
            permissions="\n".join(rest),
        )  # fmt: skip

    def command(self, before: Any = None) -> BucketRules:
        """The rules that were typed; what is not asked here stays as it is in `before`. Invalid for no number."""
        lines = [line.strip() for line in (self.permissions.data or "").splitlines() if line.strip()]
        first = _READERS.get(self.reading.data or "", "")
        return BucketRules(
            name=self.name.data or "", permissions=[*([first] if first else []), *lines],
            file_security=self.file_security.data, enabled=self.enabled.data, maximum_file_size=self._size(before),
            allowed_extensions=_extensions(self.allowed_extensions.data or ""),
            compression=self.compression.data or "none", encryption=self.encryption.data,
            antivirus=before.antivirus if before is not None else True, transformations=self.transformations.data,
            description=self.description.data or "", strip_metadata=self.strip_metadata.data,
        )  # fmt: skip

    def _size(self, before: Any) -> int:
        """Bytes; 0 for as much as the server takes."""
        text = self.maximum_file_size.data or ""
        if not text:
            return 0
        if before is not None and text == _megabytes(before.maximum_file_size):
            return int(before.maximum_file_size)  # what was shown was rounded
        size = int(float(text.replace(",", ".")) * _MEGABYTE) if _NUMBER.fullmatch(text) else 0
        if size < 1:
            raise Invalid(
                {"maximum_file_size": ["Largest file needs a number of megabytes, like 5 or 0.5, or nothing."]}
            )
        return size


class NameForm(FlaskForm):  # type: ignore[misc]
    """Another name for a file."""

    name = TextField("Name", render_kw={**_PLAIN, "maxlength": 128})


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:.3f}".rstrip("0").rstrip(".")


def _extensions(text: str) -> list[str]:
    """Endings as buckets keep them, in lower case without dots: ".JPG png" is jpg and png."""
    found = (part.strip().lstrip("*.").lower() for part in re.split(r"[,;\s]+", text))
    return list(dict.fromkeys(part for part in found if part))
