"""Who a text message can come from (a number, a short code or a name), and what becomes of that on the phone."""

import re
from dataclasses import dataclass
from enum import StrEnum

from app.domain.sms_segments import BASIC

LONGEST_NAME = 11  # 3GPP TS 23.040, 9.1.2.5: an address of letters has at most 11 of them
_NUMBER = re.compile(r"\+?[0-9]{3,15}")
SHORTEST_NUMBER = 8  # digits; what has fewer is a short code


def _countries(codes: str) -> frozenset[str]:
    return frozenset(codes.split())


# Countries (ISO 3166) whose networks put something else in the place of a name, or only pass on those that were
# registered there. From what GOV.UK Notify was told by its carriers; laws and networks change, so it is said as likely.
_REPLACED = _countries(
    "AR AS BB BE BG BR BS CA CL CN CO CU DO EC GI GP GT GU HU IR JP KH KR LA LB LY MC MD MN MP MS MX MY NP NZ PA PE PR "
    "SY TW US UY VE VI ZA"
)
_REGISTERED = _countries(
    "AE AF AM AT BA BY CY CZ DZ EG GE HK HR ID IN KE KW KZ LS MA ME MM NA NG OM PH QA RO RS RU SG SI TH TR UA UG UZ VN"
)
_SHOWN = _countries(
    "AD AG AI AL AO AU AZ BD BF BH BN BO BW BZ CD CG CH CI CM CR CW DE DK DM EE ER ES ET FI FJ FK FR GA GB GD GG GH GM "
    "GN GR GY IE IL IM IQ IS IT JE JM JO KG KI KN KY LC LI LK LT LU LV MG MK ML MO MT MU MW MZ NC NE NL NO NU PF PG PK "
    "PL PT RW SA SC SE SK SL SN SV SZ TC TD TJ TK TN TZ VC VG WF ZM ZW"
)


def sender_fault(label: str, sender: str, longest_name: int = LONGEST_NAME) -> str:
    """A sentence about a sender that no network takes; empty when it can be one. `label` names the field."""
    if not sender or _NUMBER.fullmatch(sender):
        return ""
    if is_name(sender, longest_name):
        return ""
    return (
        f"{label} needs a number such as +15551234567, a short code, "
        f"or a name of at most {longest_name} plain letters and digits."
    )


def is_name(sender: str, longest_name: int = LONGEST_NAME) -> bool:
    """Whether a sender is a name that networks carry: such a one cannot be answered."""
    fits = len(sender) <= longest_name and BASIC.issuperset(sender) and any(sign.isalpha() for sign in sender)
    return fits and "\n" not in sender and "\r" not in sender


class Fate(StrEnum):
    """What networks of a country likely do with a sender."""

    SHOWN = "shown"
    REPLACED = "replaced"
    REGISTERED = "registered"  # shown when it was registered there, else replaced
    UNKNOWN = "unknown"
    CHOSEN = "chosen"  # the provider chooses a sender of its own


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a phone likely shows as the sender, and why, as a sentence; empty where there is nothing to say."""

    fate: Fate
    shows: str
    why: str = ""

    @property
    def heading(self) -> str:
        """What the phone shows, at the beginning of a line."""
        return self.shows.capitalize() if self.fate in {Fate.REPLACED, Fate.CHOSEN} else self.shows


def arrival_of(sender: str, country: str, home: str = "") -> Arrival:
    """The sender as a phone in that country likely shows it; `home` is the country of a sender that is a number."""
    if is_name(sender):
        return _arrival_of_name(sender, country)
    digits = digits_of(sender)
    if not _NUMBER.fullmatch(sender):
        return Arrival(Fate.CHOSEN, "a sender that the provider picks")
    if len(digits) < SHORTEST_NUMBER:
        return Arrival(Fate.UNKNOWN, digits, "A short code works in its own country only.")
    if home and country and home != country:
        return Arrival(Fate.UNKNOWN, f"+{digits}", "Networks may put a number of their own country in its place.")
    return Arrival(Fate.SHOWN, f"+{digits}")


def _arrival_of_name(sender: str, country: str) -> Arrival:
    if country in _REPLACED:
        return Arrival(Fate.REPLACED, "a number of the network", "Networks there show no names.")
    if country in _REGISTERED:
        return Arrival(Fate.REGISTERED, sender, "Only when it is registered there; otherwise another one stands there.")
    if country in _SHOWN:
        return Arrival(Fate.SHOWN, sender, "Nobody can answer a name.")
    return Arrival(Fate.UNKNOWN, sender, "Whether networks there show names is not known.")


def digits_of(number: str) -> str:
    """A number, or a sender, as services want it that take no plus."""
    return number.removeprefix("+")
