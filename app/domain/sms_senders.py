"""Who a text message can come from: a number, a short code or a name."""

import re

from app.domain.sms_segments import BASIC

LONGEST_NAME = 11  # 3GPP TS 23.040, 9.1.2.5: an address of letters has at most 11 of them
_NUMBER = re.compile(r"\+?[0-9]{3,15}")


def sender_fault(label: str, sender: str, longest_name: int = LONGEST_NAME) -> str:
    """A sentence about a sender that no network takes; empty when it can be one. `label` names the field."""
    if not sender or _NUMBER.fullmatch(sender):
        return ""
    is_name = len(sender) <= longest_name and BASIC.issuperset(sender) and any(sign.isalpha() for sign in sender)
    if is_name and "\n" not in sender and "\r" not in sender:
        return ""
    return (
        f"{label} needs a number such as +15551234567, a short code, "
        f"or a name of at most {longest_name} plain letters and digits."
    )


def digits_of(number: str) -> str:
    """A number, or a sender, as services want it that take no plus."""
    return number.removeprefix("+")
