"""What things and people may be called: one line that can be stored and shown."""

from app.domain.addresses import has_control_characters
from app.domain.storable import is_storable

LONGEST_NAME = 128


def name_problems(name: str, *, may_be_empty: bool = False) -> list[str]:
    """What is wrong with a name, as sentences; nothing when it can be. Space around it does not count."""
    name = name.strip()
    least = 0 if may_be_empty else 1
    if least <= len(name) <= LONGEST_NAME and not has_control_characters(name) and is_storable(name):
        return []
    length = f"can have at most {LONGEST_NAME}" if may_be_empty else f"needs 1 to {LONGEST_NAME}"
    return [f"Name {length} characters and no line breaks."]
