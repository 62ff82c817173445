"""Kinds of files as people tell them apart, and the order of their names."""

KINDS = ("image", "document", "other")
LONGEST_KEY = 512
_DOCUMENTS = frozenset({
    "application/pdf", "application/json", "application/msword", "application/rtf", "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint", "application/epub+zip",
})  # fmt: skip
_DOCUMENT_FAMILIES = (
    "text/", "application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument.",
)  # fmt: skip


def kind_of(mime_type: str) -> str:
    """One of KINDS, for a file whose bytes are of that type."""
    if mime_type.startswith("image/"):
        return "image"
    return "document" if mime_type in _DOCUMENTS or mime_type.startswith(_DOCUMENT_FAMILIES) else "other"


def name_key(name: str) -> str:
    """By what files are ordered: their names without case."""
    return name.casefold()[:LONGEST_KEY]
