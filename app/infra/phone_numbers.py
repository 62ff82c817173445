"""Phone numbers as the numbering plans of the world have them."""

from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType, ValidationResult

from app.domain.addresses import normalise_phone

_TYPES = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "landline",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "landline or mobile",
    PhoneNumberType.TOLL_FREE: "toll-free",
    PhoneNumberType.VOIP: "internet phone",
}
_WRONG = {
    ValidationResult.TOO_SHORT: "is too short for a number of that country",
    ValidationResult.TOO_LONG: "is too long for a number of that country",
    ValidationResult.INVALID_LENGTH: "has a length that no number of that country has",
    ValidationResult.INVALID_COUNTRY_CODE: "begins with a country code that does not exist",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "has no area code",
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
    except NumberParseException:
        return None, _WRONG[ValidationResult.INVALID_COUNTRY_CODE]
    judged = phonenumbers.is_possible_number_with_reason(number)
    if judged != ValidationResult.IS_POSSIBLE:
        return None, _WRONG[judged]
    zeros = "0" * (number.number_of_leading_zeros or 1) if number.italian_leading_zero else ""
    return f"+{number.country_code}{zeros}{number.national_number}", ""


def describe_phone(number: str) -> PhoneFacts:
    """Region and kind of a number in E.164; for one of a test range both may be unknown."""
    try:
        parsed = phonenumbers.parse(number)
    except NumberParseException:
        return PhoneFacts("", "")
    region = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(
        parsed.country_code or 0
    )
    kind = _TYPES.get(phonenumbers.number_type(parsed), "")
    return PhoneFacts("" if region in {"ZZ", "001"} else region, kind)
