"""Phone numbers as the numbering plans of the world have them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.addresses import normalise_phone
from app.infra.loading import later

if TYPE_CHECKING:
    import phonenumbers
else:
    phonenumbers = later("phonenumbers")

_TELLING = 8  # the plus and seven digits
_MOST_SEEN = 50_000  # beginnings of numbers that are remembered
_seen: dict[str, str] = {}

_KINDS = {
    "MOBILE": "mobile",
    "FIXED_LINE": "landline",
    "FIXED_LINE_OR_MOBILE": "landline or mobile",
    "TOLL_FREE": "toll-free",
    "VOIP": "internet phone",
}
_WRONG = {
    "TOO_SHORT": "is too short for a number of that country",
    "TOO_LONG": "is too long for a number of that country",
    "INVALID_LENGTH": "has a length that no number of that country has",
    "INVALID_COUNTRY_CODE": "begins with a country code that does not exist",
    "IS_POSSIBLE_LOCAL_ONLY": "has no area code",
}


@dataclass(frozen=True, slots=True)
class PhoneFacts:
    """What the numbering plan says: region as ISO 3166 ("" when unknown) and the kind of line in words."""

    region: str
    kind: str


def read_phone(text: str) -> tuple[str | None, str]:
    """The number in E.164 and "", or None and what is wrong, as the end of a sentence ("is too short …").

    Length and country code must fit the numbering plan; a number need not be assigned, so reserved test ranges pass.
    """
    typed = normalise_phone(text)
    if typed is None:
        return None, ""
    try:
        number = phonenumbers.parse(typed)
    except phonenumbers.NumberParseException:
        return None, _WRONG["INVALID_COUNTRY_CODE"]
    judged = phonenumbers.is_possible_number_with_reason(number)
    if judged != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None, _WRONG[phonenumbers.ValidationResult.to_string(judged)]
    zeros = "0" * (number.number_of_leading_zeros or 1) if number.italian_leading_zero else ""
    return f"+{number.country_code}{zeros}{number.national_number}", ""


def describe_phone(number: str) -> PhoneFacts:
    """Region and kind of a number in E.164; for one of a test range both may be unknown."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return PhoneFacts("", "")
    region = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(
        parsed.country_code or 0
    )
    kind = _KINDS.get(phonenumbers.PhoneNumberType.to_string(phonenumbers.number_type(parsed)), "")
    return PhoneFacts("" if region in {"ZZ", "001"} else region, kind)


def region_of(number: str) -> str:
    """The country of a number in E.164 as ISO 3166; "" for satellites and what belongs to none.

    Made for a million numbers: its first seven digits say which of the countries it is that share a code, such as +1
    and +44, so numbers that begin alike are judged once.
    """
    start = number[:_TELLING]
    if start not in _seen:
        if len(_seen) >= _MOST_SEEN:
            _seen.clear()
        _seen[start] = describe_phone(number).region
    return _seen.get(start, "")
