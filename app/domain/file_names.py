"""Names and folders of files: labels that are kept and shown, and never used as a path on a disk."""

import re
import unicodedata
from urllib.parse import quote

LONGEST_NAME = 255
LONGEST_FOLDER = 2048  # bytes, with the slash at its end
NAME_RULE = f"Give the file a name of 1 to {LONGEST_NAME} characters without control characters, like report.pdf."
FOLDER_RULE = (
    f"Write it as names with a slash between them, like reports/2026: at most {LONGEST_FOLDER:,} bytes, no slash in "
    "front, no empty part, no . or .. and no control characters."
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def read_name(given: str) -> str | None:
    """The last part of whatever path a browser sent (RFC 7578, 4.2); None when no name is left, or it cannot be."""
    name = unicodedata.normalize("NFC", given.replace("\\", "/").rsplit("/", 1)[-1]).strip()
    if name in {"", ".", ".."} or len(name) > LONGEST_NAME or _CONTROL.search(name):
        return None
    return name


def read_folder(given: str) -> str | None:
    """The folder as it is kept, with a slash at its end; empty for the root, None when it cannot be."""
    if not given:
        return ""
    folder = given if given.endswith("/") else given + "/"
    parts = folder[:-1].split("/")
    if any(part in {"", ".", ".."} for part in parts) or _CONTROL.search(folder):
        return None
    return folder if len(folder.encode()) <= LONGEST_FOLDER else None


def extension_of(name: str) -> str:
    """What follows the last dot, in lower case; empty when there is none."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def disposition(kind: str, name: str) -> str:
    """Content-Disposition (RFC 6266): the name in quotes, and spelt out (RFC 8187) when it is more than ASCII."""
    plain = name.encode("ascii", "replace").decode().replace("\\", "_").replace('"', "_")
    header = f'{kind}; filename="{plain}"'
    return header if plain == name else f"{header}; filename*=UTF-8''{quote(name, safe='')}"
