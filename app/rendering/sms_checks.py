"""What blocks sending a text message and what only deserves a look, beside its variables: each with its consequence."""

import re
from collections.abc import Iterator, Sequence

from app.domain.sms_savings import Sign, saving_of, signs_of, without
from app.domain.sms_segments import Encoding, segment
from app.domain.sms_senders import is_name
from app.rendering.checks import Check

MANY = 3  # parts; what is longer is better a link or an email
MOST_NAMED = 3  # signs in one sentence
WORST = 3  # people whose signs are looked at: those with the most parts
# Words by which people are told how to leave, in the languages that most texts are written in.
_WAY_OUT = re.compile(
    r"\b(stop|stopp|arr[eê]t)\b|opt.?out|unsubscrib|preferences_url|abmeld|abbestell|d[ée]sabonn|d[ée]sinscri|afmeld|"
    r"\bbaja\b|cancela[rd]?\b|disiscri|annulla|wypisz|odhl[aá]s|отпис",
    re.IGNORECASE,
)
_ANSWER_STOP = re.compile(
    r"\b(reply|answer|text|send|antworte\w*|répond\w*|responda|rispondi)\b[^.\n]{0,20}\bstop\b", re.I
)
_PLAIN_LINK = re.compile(r"\bhttp://[^\s]+", re.IGNORECASE)
_SHORTENED = re.compile(
    r"(?<![\w.-])(?:bit\.ly|tinyurl\.com|t\.co|goo\.gl|ow\.ly|is\.gd|buff\.ly|rebrand\.ly|cutt\.ly|rb\.gy|t\.ly|"
    r"tiny\.cc|shorturl\.at)/",
    re.IGNORECASE,
)
_LINK = re.compile(r"\bhttps?://[^\s]+", re.IGNORECASE)
LONG_LINK = 60  # characters


def check_sms(written: str, read: Sequence[str], sender: str, *, has_topic: bool) -> list[Check]:
    """All findings about a text. `written` is the author's, `read` what the first few people get; `sender` as set.

    Whether a provider takes it is not judged here: its own adapter does that.
    """
    worst = sorted(dict.fromkeys(read), key=lambda text: -segment(text).count)[:WORST]
    longest = worst[0] if worst else ""
    return [
        *_check_empty(written, read), *_check_signs(written, worst), *_check_length(longest),
        *_check_way_out(written, sender, has_topic=has_topic), *_check_links(longest),
    ]  # fmt: skip


def _check_empty(written: str, read: Sequence[str]) -> Iterator[Check]:
    count = sum(not text.strip() for text in read)
    if written.strip() and count:
        who = "Somebody" if count == 1 else "Some people"
        sentence = f"{who} would get an empty text: it is made of variables that have no value. Add fallbacks or words."
        yield Check("advises", "text", sentence, "text_empty_for_some")


def _check_signs(written: str, read: Sequence[str]) -> Iterator[Check]:
    """What the author's own signs cost the person whom they cost most, and then what signs in people's values do."""
    own = [sign for sign in signs_of(written) if sign.replacement is not None]
    mended = [without(text, own) for text in read]
    savings = [(segment(text).count, segment(less).count) for text, less in zip(read, mended, strict=True)]
    before, after = max(savings, key=lambda pair: pair[0] - pair[1], default=(0, 0))
    if after < before:
        sentence = f"Without {_name(own)} it is {_parts(after)} instead of {before:,}."
        yield Check("advises", "text", sentence, "text_unicode")
    dear = max(map(saving_of, mended), key=lambda saving: saving.before - saving.after, default=None)
    if dear is not None and dear.is_worth_it:
        many = f"their text is {_parts(dear.before)} instead of {dear.after:,}"
        sentence = f"Values of some people hold {_name(dear.signs)}: {many}."
        yield Check("advises", "text", sentence, "text_unicode_values")


def _check_length(longest: str) -> Iterator[Check]:
    found = segment(longest)
    if found.count > MANY:
        kind = "characters" if found.encoding is Encoding.GSM7 else "characters with signs beyond plain SMS"
        sentence = (
            f"It is charged as {found.count:,} parts for each person ({found.units:,} {kind}). "
            f"More than {MANY} cost much and may arrive apart; shorten it, or link to the rest."
        )
        yield Check("advises", "text", sentence, "text_long")


def _check_way_out(written: str, sender: str, *, has_topic: bool) -> Iterator[Check]:
    if has_topic and written.strip() and not _WAY_OUT.search(written):
        sentence = (
            "It goes to a topic and does not say how to leave it, which many countries ask of advertising. "
            "End with words such as: Reply STOP to leave."
        )
        if is_name(sender):
            sentence = sentence.replace("Reply STOP to leave.", "Leave: {{ unsubscribe_url }}.")
        yield Check("advises", "text", sentence, "way_out_missing")
    elif is_name(sender) and _ANSWER_STOP.search(written):
        sentence = (
            f"Nobody can answer a sender that is a name, so a STOP to {sender} is lost. "
            "Send from a number, or write {{ unsubscribe_url }} instead."
        )
        yield Check("advises", "text", sentence, "way_out_dead")


def _check_links(longest: str) -> Iterator[Check]:
    if found := _PLAIN_LINK.search(longest):
        shown = found[0][:60]
        sentence = f"{shown} is not https: others can read or change what travels there, and phones warn. Use https."
        yield Check("advises", "text", sentence, "link_http")
    if found := _SHORTENED.search(longest):
        sentence = (
            f"Networks often block texts with links of public shorteners ({found[0].rstrip('/')}), because fraud uses "
            "them. Use a short address of your own."
        )
        yield Check("advises", "text", sentence, "link_shortened")
    lengths = [len(link) for link in _LINK.findall(longest) if len(link) > LONG_LINK]
    if lengths and segment(longest).count > 1:
        count = _parts(segment(longest).count)
        sentence = f"A link takes {max(lengths):,} characters of {count}. A shorter one may save a part."
        yield Check("advises", "text", sentence, "link_long")


def _name(signs: Sequence[Sign]) -> str:
    """Signs in a sentence: “–” and “…”; what cannot be seen by its name."""
    shown = [f"“{sign.text}”" if sign.is_seen else f"the {sign.name}" for sign in signs[:MOST_NAMED]]
    if len(signs) > MOST_NAMED:
        return f"{', '.join(shown)} and {len(signs) - MOST_NAMED} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _parts(count: int) -> str:
    return f"{count:,} part{'' if count == 1 else 's'}"
