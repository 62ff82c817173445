"""One request as a service would get it, for people to read: nothing was sent, and nothing in it proves who we are."""

import json
import re
from binascii import Error, a2b_base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

HIDDEN = "…"  # stands for every secret
LONGEST_RUN = 400  # characters of base64 that are shown in a row
LONGEST_TEXT = 200_000  # characters of a body that are shown; more than anybody reads
MOST_VARYING = 20

_RUN = re.compile(r"(?:[A-Za-z0-9+/]{60,76}\n)+[A-Za-z0-9+/]*={0,2}\n?|[A-Za-z0-9+/]{200,}={0,2}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{200,}={0,2}")
_HIDDEN_RUN = re.compile(f"{HIDDEN}{{2,}}")
# A whole value, or what stands for a long token: words that somebody wrote may hold the same sign.
_HIDDEN_IN_BODY = re.compile(rf'["=](?:{HIDDEN}|%E2%80%A6)(?=["&]|$)|(?:{HIDDEN}|%E2%80%A6){{8,}}'.encode())
_PROOF = re.compile(r"\b(Basic) \S+")
_FIELD = re.compile(r"^([!-9;-~]+):[ \t]*(.*(?:\n[ \t].*)*)", re.MULTILINE)
_PART_NAME = re.compile(rb'name="([^"]*)"\r\n(?:[^\r\n]+\r\n)*\r\n(.*?)\r\n--', re.DOTALL)


class Load(NamedTuple):
    """How many octets count towards what the service takes, and how many it takes; 0 where no number is known."""

    octets: int = 0
    limit: int = 0


NO_LOAD = Load()


@dataclass(frozen=True, slots=True)
class ExactRequest:
    """What a service is told for one delivery.

    Over HTTP `method` and `address` are the request's own; over SMTP they are SMTP and the server, and `headers` are
    the commands of the envelope. `headers` are pairs in their order, `body` the octets as they travel, `load` what of
    them counts. `together` is how many deliveries such a request may carry, each as it stands here. `refusal` says why
    it would not be sent at all; empty when it would.
    """

    method: str
    address: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    load: Load = NO_LOAD
    together: int = 1
    refusal: str = ""

    @property
    def size(self) -> int:
        """Octets of the body."""
        return len(self.body)

    @property
    def hides_secrets(self) -> bool:
        """Whether something that is secret stands as HIDDEN in it, in the address, a header or the body."""
        heads = (self.address, *(value for _, value in self.headers))
        return any(HIDDEN in text for text in heads) or _HIDDEN_IN_BODY.search(self.body) is not None

    @property
    def media_type(self) -> str:
        """The body's type without parameters, lower-case; empty when nothing is said of it."""
        found = {name.lower(): value for name, value in self.headers}.get("content-type", "")
        return found.partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        """The body for reading: JSON indented, a form one field a line, long base64 shortened, the rest as it is."""
        words = _readable(self.body.decode("utf-8", "replace"), self.media_type)
        return shorten(_HIDDEN_RUN.sub(HIDDEN, words))

    @property
    def enclosed(self) -> str:
        """The email inside a JSON body that carries it in base64 (Amazon's `Raw.Data`), for reading; or empty."""
        if self.media_type != "application/json":
            return ""
        return next((shorten(text) for text in map(_as_email, _texts(_document(self.body))) if text), "")

    @property
    def letter(self) -> bytes:
        """The email as it travels, whole, where we write it (SMTP, Amazon); empty where the service does that."""
        if self.method == "SMTP":
            return self.body
        texts = _texts(_document(self.body)) if self.media_type == "application/json" else iter(())
        return next((octets for octets in map(_email_in, texts) if octets), b"")


def shorten(text: str) -> str:
    """The text with a few characters of each long run of base64 (a file), and cut where nobody reads on."""
    short = _RUN.sub(_say_run, text.replace("\r\n", "\n"))
    if len(short) <= LONGEST_TEXT:
        return short
    return f"{short[:LONGEST_TEXT]}{HIDDEN}\n({len(short) - LONGEST_TEXT:,} more characters)"


def _say_run(found: re.Match[str]) -> str:
    run, end = found[0].rstrip("\n"), "\n" if found[0].endswith("\n") else ""
    if len(run) <= LONGEST_RUN:
        return found[0]
    return f"{run[:60]}{HIDDEN} ({len(run):,} characters of base64){end}"


def hide_proof(value: str) -> str:
    """A header's value without the name and password that HTTP Basic puts into one word."""
    return _PROOF.sub(rf"\1 {HIDDEN}", value)


def _readable(text: str, media_type: str) -> str:
    if media_type == "application/json":
        try:
            return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
        except (ValueError, RecursionError):
            return text
    if media_type == "application/x-www-form-urlencoded":
        return "\n".join(f"{name}: {value}" for name, value in parse_qsl(text, keep_blank_values=True))
    return text


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _texts(each)


def _as_email(text: str) -> str:
    """An email that a text holds in base64, for reading; empty when it holds none."""
    return _email_in(text).decode("utf-8", "replace")


def _email_in(text: str) -> bytes:
    if _BASE64.fullmatch(text) is None:
        return b""
    try:
        found = a2b_base64(text)
    except Error:
        return b""
    return found if found.startswith(b"From: ") else b""


# what differs from delivery to delivery


def varying(first: ExactRequest, second: ExactRequest) -> tuple[str, ...]:
    """The places where two requests differ that were made for two deliveries of one message to one address.

    Places of JSON are paths (`message.android.notification.tag`), others names of headers, of form fields, or of the
    email's header fields; `boundary` is what stands between the parts of an email.
    """
    found = dict.fromkeys(["address"] if first.address != second.address else [])
    one, two = dict(first.headers), dict(second.headers)
    found |= dict.fromkeys(name for name in one if one[name] != two.get(name))
    if first.body != second.body:
        found |= dict.fromkeys(_varying_parts(first, second))
    return tuple(found)[:MOST_VARYING]


def _varying_parts(first: ExactRequest, second: ExactRequest) -> Iterator[str]:
    match first.media_type:
        case "application/json":
            one, two = _document(first.body), _document(second.body)
            for path, left, right in _differences(one, two, ""):
                yield path
                yield from _varying_fields(_as_email(left), _as_email(right))
        case "application/x-www-form-urlencoded":
            fields = [dict(parse_qsl(each.body.decode("utf-8", "replace"))) for each in (first, second)]
            yield from (name for name in fields[0] if fields[0][name] != fields[1].get(name))
        case "multipart/form-data":
            parts = [dict(_PART_NAME.findall(each.body)) for each in (first, second)]
            yield from (name.decode("utf-8", "replace") for name in parts[0] if parts[0][name] != parts[1].get(name))
        case _:
            yield from _varying_fields(*(each.body.decode("utf-8", "replace") for each in (first, second)))


def _differences(one: Any, two: Any, path: str) -> Iterator[tuple[str, str, str]]:
    """Paths of the texts that differ between two documents of one shape, with both texts."""
    if isinstance(one, dict) and isinstance(two, dict):
        for name, value in one.items():
            yield from _differences(value, two.get(name), f"{path}.{name}" if path else name)
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for value, other in zip(one, two, strict=True):
            yield from _differences(value, other, path)
    elif one != two:
        yield path, str(one), str(two)


def _varying_fields(one: str, two: str) -> Iterator[str]:
    """Header fields of an email that differ, and whether the marks between its parts do."""
    heads = [dict(_FIELD.findall(text.replace("\r\n", "\n").partition("\n\n")[0])) for text in (one, two)]
    for name, value in heads[0].items():
        if value != heads[1].get(name):
            yield "boundary" if name.lower() == "content-type" else name
