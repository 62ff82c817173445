"""Delivery keys, and how they look in the few characters that services allow in a tag (letters, digits, _ and -)."""


def tag_of(key: str) -> str:
    """The key with `_u` for each underscore and `_d` for each dot; two keys never share a tag."""
    return key.replace("_", "_u").replace(".", "_d")


def key_of_tag(tag: str) -> str:
    """The key that `tag_of` made this tag from."""
    return tag.replace("_d", ".").replace("_u", "_")


def delivery_key(delivery_pk: int, message_id: str) -> str:
    """What travels with every try of a delivery and names it: its number and the id of its message."""
    return f"{delivery_pk}.{message_id}"
