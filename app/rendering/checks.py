"""What blocks sending an email and what only deserves a look: each a sentence with its consequence."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.domain.content import Content, EmailContent
from app.domain.lint_findings import Finding
from app.domain.rendered import RenderedEmail
from app.domain.unsubscribing import VARIABLES
from app.rendering.email import PreparedEmail
from app.rendering.push import PreparedPush
from app.rendering.sanitise import Removal
from app.rendering.sms import PreparedSms
from app.rendering.survey import Survey

GMAIL_LIMIT = 102 * 1024  # octets of HTML
LONG_SUBJECT = 70  # characters that a desktop inbox shows; phones show about half
_MAX_NAMED = 5  # examples named in one sentence

Compiled = PreparedEmail | PreparedSms | PreparedPush


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `field` is the form field it leads to; `code` is stable, for programs and tests.

    `found` is the key of the finding (`domain.lint_findings`) that names the people it is about, if anything does.
    """

    level: Literal["blocks", "advises"]
    field: str
    sentence: str
    code: str
    found: str = ""


@dataclass(frozen=True, slots=True)
class CheckContext:
    """What is known of the audience: `known` names have a value for somebody; `lacking` counts people without one.

    `audience` is the number of distinct recipients (0: none picked yet);
    `has_topic` says whether a topic is among them, `has_links` whether there is an address for links to leave by.
    `cut` counts those whose copy Gmail cuts; 0 until everybody's was looked at.
    `here` is how addresses of this machine begin, where the Sandbox needs no https.
    """

    known: frozenset[str] | set[str] = frozenset()
    lacking: Mapping[str, int] = field(default_factory=dict)
    audience: int = 0
    cut: int = 0
    has_topic: bool = False
    has_links: bool = True
    here: str = ""


def check_email(
    content: EmailContent, prepared: PreparedEmail, sample: RenderedEmail, context: CheckContext
) -> list[Check]:
    """All findings about an email, those that block first; `sample` is the email as one person gets it."""
    survey = Survey(sample.html)
    found = [
        *check_words(content, prepared, context),
        *_check_subject(content),
        *_check_preheader(content),
        *_check_size(sample, context),
        *_check_images(survey),
        *_check_inline(content, survey),
        *_check_links(survey, context),
        *(_describe_removal(removal) for removal in prepared.removals if removal.kind not in ("style", "rule")),
        *_check_styles(prepared.removals),
        *_check_unsubscribe(prepared, survey, context),
    ]
    return sorted(found, key=lambda check: check.level != "blocks")


def check_words(content: Content, prepared: Compiled, context: CheckContext) -> list[Check]:
    """What can be said of any message: is there something to send, and can its variables be filled in."""
    found = [*_check_completeness(content), *_check_syntax(prepared), *_check_values(prepared, context)]
    return sorted(found, key=lambda check: check.level != "blocks")


def _check_completeness(content: Content) -> Iterator[Check]:
    for name, sentences in content.sending_problems().items():
        for sentence in sentences:
            yield Check("blocks", name, sentence, f"{name}_empty")


def _check_syntax(prepared: Compiled) -> Iterator[Check]:
    for name, problems in prepared.problems.items():
        for problem in problems:
            word = "Content" if name == "body" and isinstance(prepared, PreparedEmail) else name.capitalize()
            yield Check("blocks", name, f"{word}: {_lower_first(problem.sentence)}", "variable_unreadable")


def _check_values(prepared: Compiled, context: CheckContext) -> Iterator[Check]:
    if not context.audience:
        return
    known = {name.lower() for name in context.known}
    lacking = {name.lower(): count for name, count in context.lacking.items()}
    for name, has_fallback in prepared.placeholders.items():
        where = prepared.places[name]
        if name in VARIABLES and not context.has_links:
            sentence = f"“{name}” would be empty, because nobody knows where this installation can be reached. "
            sentence += "Set CARILLON_PUBLIC_URL, or send through the Sandbox."
            yield Check("advises" if has_fallback else "blocks", where, sentence, "link_address_missing")
        elif name not in known:
            yield _unknown_variable(name, has_fallback, where)
        elif not has_fallback and lacking.get(name):
            yield Check(
                "advises",
                where,
                f"{_people(lacking[name], context.audience)} no value for “{name}”: nothing would stand in its place. "
                f"Add a fallback, as in {{{{ {name} | … }}}}.",
                "variable_lacking",
                _whose("missing", name),
            )


def _unknown_variable(name: str, has_fallback: bool, where: str) -> Check:
    if has_fallback:
        sentence = f"Nobody in the audience has a value for “{name}”: everybody would read the fallback."
        return Check("advises", where, sentence, "variable_unknown")
    sentence = (
        f"Nobody in the audience has a value for “{name}”: nothing would stand in its place. "
        f"Correct the name, or add a fallback, as in {{{{ {name} | … }}}}."
    )
    return Check("blocks", where, sentence, "variable_unknown", _whose("missing", name))


def _whose(code: str, name: str = "") -> str:
    """The finding that names those whom a check is about."""
    return Finding(code, name, 0).key


def _check_subject(content: EmailContent) -> Iterator[Check]:
    subject = content.subject.strip()
    if len(subject) > LONG_SUBJECT:
        yield Check(
            "advises",
            "subject",
            f"Inboxes show about {LONG_SUBJECT} characters of a subject and phones about 35; yours has {len(subject)}. "
            "The end would be cut.",
            "subject_long",
        )
    letters = [letter for letter in subject if letter.isalpha()]
    if len(letters) >= 8 and subject == subject.upper() != subject.lower():
        sentence = "A subject in capitals reads as shouting, and spam filters count it against you."
        yield Check("advises", "subject", sentence, "subject_capitals")
    if re.search(r"!\s*!|[!?]{3,}", subject):
        sentence = "Several exclamation marks in a subject make spam filters suspicious. One full stop is enough."
        yield Check("advises", "subject", sentence, "subject_exclamation")


def _check_preheader(content: EmailContent) -> Iterator[Check]:
    if content.format != "text" and not content.preheader.strip():
        sentence = "Preheader is empty: inboxes show the first words of the body beside the subject instead."
        yield Check("advises", "preheader", sentence, "preheader_empty")


def _check_size(sample: RenderedEmail, context: CheckContext) -> Iterator[Check]:
    """Where Gmail cuts; whose copy it cuts is said here too, and nowhere else."""
    size, others = len(sample.html.encode("utf-8", "replace")), ""
    if context.cut:
        others = f"{context.cut:,} of {context.audience:,} people would get"
    if size > GMAIL_LIMIT:
        sentence = f"Gmail cuts this email at 102 KB; yours has {-(-size // 1024):,} KB. The end would be hidden."
        if context.cut in (0, context.audience):
            yield Check("advises", "body", sentence, "html_large")
        else:
            yield Check("advises", "body", f"{sentence} {others} so large a copy.", "html_large", _whose("large"))
    elif others:
        sentence = f"{others} a copy of more than 102 KB, where Gmail cuts it. The end would be hidden."
        yield Check("advises", "body", sentence, "html_large", _whose("large"))


def _check_images(survey: Survey) -> Iterator[Check]:
    if survey.without_alt:
        count = len(survey.without_alt)
        yield Check(
            "advises",
            "body",
            f"{_count(count, 'image has', 'images have')} no alternative text ({_list(survey.without_alt)}): who "
            "blocks images or listens to the email learns nothing from them. Add alt text, empty for decoration.",
            "image_alt",
        )
    images = len(survey.images)
    words = len(survey.words) if images >= 2 else 0
    if images >= 2 and words < images * 20:
        sentence = (
            f"{images} images and only {_count(words, 'word', 'words')}: spam filters distrust emails made of "
            "images, and programs that block images show little."
        )
        yield Check("advises", "body", sentence, "image_heavy")


def _check_inline(content: EmailContent, survey: Survey) -> Iterator[Check]:
    travelling = [each[4:64] for each in survey.images if each.lower().startswith("cid:")]
    shown = content.shown if travelling else {}
    lost = [each for each in travelling if each not in shown]
    if lost:
        sentence = (
            f"{_count(len(lost), 'image has', 'images have')} no file here ({_list(lost)}): nothing would be seen in "
            "its place. Insert it from Files again, or remove it."
        )
        yield Check("blocks", "body", sentence, "image_file_missing")


def _check_links(survey: Survey, context: CheckContext) -> Iterator[Check]:
    addresses = (each.strip()[:60] for each in (*(link.address for link in survey.links), *survey.images))
    plain = [each for each in dict.fromkeys(addresses) if each.lower().startswith("http://")]
    plain = [each for each in plain if not (context.here and each.startswith(context.here[:60]))]
    if plain:
        count = _count(len(plain), "address is", "addresses are")
        sentence = (
            f"{count} not https ({_list(plain)}): "
            "others can read or change what travels there, and browsers warn. Use https."
        )
        yield Check("advises", "body", sentence, "link_http")
    dead = [link.words[:60] or "no words" for link in survey.links if link.address in ("", "#") and not link.is_place]
    if dead:
        sentence = (
            f"{_count(len(dead), 'link leads', 'links lead')} nowhere ({_list(dead)}): "
            "nothing happens on a click. Give each an address like https://example.org/."
        )
        yield Check("advises", "body", sentence, "link_empty")


def _check_styles(removals: tuple[Removal, ...]) -> Iterator[Check]:
    rules = [removal.name for removal in removals if removal.kind == "rule"]
    if rules:
        sentence = (
            f"{_list(rules)} rules were left out: styles are written into each element, where such rules cannot be."
        )
        yield Check("advises", "body", sentence, "style_rule_removed")
    names = [removal.name for removal in removals if removal.kind == "style"]
    if names:
        sentence = f"Some styles were left out ({_list(names)}): email programs ignore them, or they are not safe."
        yield Check("advises", "body", sentence, "style_removed")


def _check_unsubscribe(prepared: PreparedEmail, survey: Survey, context: CheckContext) -> Iterator[Check]:
    if context.has_topic and not context.has_links:
        sentence = (
            "CARILLON_PUBLIC_URL is not set, so mail programs get no unsubscribe button (List-Unsubscribe): large "
            "mailbox providers distrust email to a topic without it."
        )
        yield Check("advises", "body", sentence, "unsubscribe_header_missing")
    if not context.has_topic or any("unsubscribe" in name for name in prepared.placeholders):
        return
    said = " ".join([*(link.address for link in survey.links), survey.said])
    if not re.search(r"unsubscrib|opt.?out|preferences", said, re.IGNORECASE):
        sentence = (
            "This email goes to a topic and has no unsubscribe link: people who want to leave would report it as spam. "
            "Add one with Unsubscribe link above the content."
        )
        yield Check("advises", "body", sentence, "unsubscribe_missing")


def _describe_removal(removal: Removal) -> Check:
    """What sanitising left out, and why nobody loses by it."""
    name = removal.name
    match removal.kind:
        case "element" if name == "script":
            sentence = "A script was removed: email programs never run it."
        case "element" if name in ("form", "input", "button", "select", "textarea", "datalist"):
            sentence = f"A form element ({name}) was removed: most email programs do not send forms. Link to a page."
        case "element" if name == "link":
            sentence = (
                "A linked style sheet was removed: email programs do not load it. Put its rules in a style element."
            )
        case "element":
            sentence = f"An element ({name}) was removed: email programs do not show it."
        case "attribute":
            sentence = f"A script attribute ({name}) was removed: email programs never run it."
        case "image":
            sentence = f"An image address was removed ({name}): an image needs an address that starts with https://."
        case _:
            sentence = f"A link's address was removed ({name}): a link starts with https://, mailto: or tel:."
    return Check("advises", "body", sentence, f"{removal.kind}_removed")


def _lower_first(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _people(number: int, audience: int) -> str:
    return f"{number:,} of {audience:,} people {'has' if number == 1 else 'have'}"


def _list(names: list[str]) -> str:
    shown = ", ".join(names[:_MAX_NAMED])
    return shown if len(names) <= _MAX_NAMED else f"{shown} and {len(names) - _MAX_NAMED} more"
