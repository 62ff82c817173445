"""A finished email as one program or another shows it: without images, with its colours turned over, in an inbox.

Simulated: the engines of the programs are not here. With nothing asked, a page is exactly what is sent.
"""

import html
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from app.domain.rendered import RenderedEmail
from app.rendering.survey import PREHEADER

# What inboxes show, about: it depends on the width and the letters (providers.md, 19.1).
SUBJECT_ON_DESKTOP, SUBJECT_ON_PHONE = 70, 35
LINE_ON_DESKTOP, PREHEADER_ON_PHONE = 160, 90  # subject and preheader share one line on a desktop

_IMAGE = re.compile(r"""<img\b(?:[^"'>]|"[^"]*"|'[^']*')*>""")
_ALT = re.compile(r"""\balt=(?:"([^"]*)"|'([^']*)')""")
_SHOWN_BY_ID = re.compile(r'(<img\b[^>]*?\bsrc=")cid:([^"]*)"')
_FILLING = re.compile("[\\s\u034f\u200c\u00a0\u200b\ufeff]+")
_INVERSION = "filter:invert(0.93) hue-rotate(180deg)"
_NO_PICTURES: Mapping[str, str] = MappingProxyType({})


class Cut(NamedTuple):
    """The beginning of a text that is seen, and whether there is more."""

    shown: str
    is_cut: bool


class InboxRow(NamedTuple):
    """What an inbox shows of an email before it is opened, on a desktop and on a phone.

    `preheader` may be the first words of the email: that is what inboxes take when there is none (`is_borrowed`).
    """

    subject: Cut
    preheader: Cut
    subject_on_phone: Cut
    preheader_on_phone: Cut
    is_borrowed: bool


def preview_html(
    rendered: RenderedEmail,
    *,
    images: bool = True,
    inverted: bool = False,
    pictures: Mapping[str, str] = _NO_PICTURES,
) -> str:
    """The email's HTML as a program shows it that blocks images or (roughly) turns all colours over in the dark.

    With the defaults it is exactly the HTML that is sent. `pictures` are addresses for the images that travel with
    the email, by content id, for a frame that cannot look into the email. It is meant for a sandboxed frame.
    """
    page = rendered.html if images else _IMAGE.sub(_show_alt, rendered.html)
    if pictures:
        page = _SHOWN_BY_ID.sub(lambda image: _point(image, pictures), page)
    if not inverted:
        return page
    style = f"<style>html{{background:#fff;color-scheme:light;{_INVERSION}}}img{{{_INVERSION}}}</style>\n</head>"
    return page.replace("</head>", style, 1)


def inbox_row(rendered: RenderedEmail) -> InboxRow:
    """How the email stands in an inbox."""
    hidden = PREHEADER.search(rendered.html)
    written = _one_line(html.unescape(hidden[1])) if hidden else ""
    words = written or _one_line(rendered.text[: 4 * LINE_ON_DESKTOP])
    room = max(LINE_ON_DESKTOP - min(len(rendered.subject), SUBJECT_ON_DESKTOP), 0)
    return InboxRow(
        cut(rendered.subject, SUBJECT_ON_DESKTOP), cut(words, room),
        cut(rendered.subject, SUBJECT_ON_PHONE), cut(words, PREHEADER_ON_PHONE), not written,
    )  # fmt: skip


def cut(text: str, most: int) -> Cut:
    """The first `most` characters of a text, and whether any are missing."""
    return Cut(text[:most].rstrip(), True) if len(text) > most else Cut(text, False)


def _one_line(text: str) -> str:
    return _FILLING.sub(" ", text).strip()


def _point(image: re.Match[str], pictures: Mapping[str, str]) -> str:
    address = pictures.get(html.unescape(image[2]))
    return f'{image[1]}{html.escape(address)}"' if address else image[0]


def _show_alt(image: re.Match[str]) -> str:
    alt = _ALT.search(image[0])
    words = (alt[1] if alt[1] is not None else alt[2]) if alt else ""
    return f'<span style="border:1px solid #9ca3af;padding:2px 6px">{words}</span>'
