"""Lets bleach's parser take what is plainly written in one go instead of character by character.

html5lib's tokenizer asks its stream for every character and changes its state a dozen times in each tag, which took
half of what cleaning takes. Here one pattern takes a whole tag, or a run of text, out of the chunk that was read, and
gives the token that those states would have come to. Whatever is not plain, and whatever reaches to the end of a
chunk, goes through html5lib's states; what the tokens mean is for its tree builder alone to say.
"""

import re
from typing import TYPE_CHECKING, Any

from app.infra.loading import later

if TYPE_CHECKING:
    from bleach import html5lib_shim as shim
else:
    shim = later("bleach.html5lib_shim")

# A tag in lower case with its values in double quotes (in which bleach's tokenizer leaves references as they are
# written), white space, or words without references; something must follow, so that nothing goes on in the next chunk.
_PLAIN = re.compile(
    r'<(?P<start>[a-z][a-z0-9]*)(?P<attributes>(?:[ \t\n\f]+[a-z][a-z-]*="[^"\0]*")*)>'
    r"|</(?P<end>[a-z][a-z0-9]*)>"
    r"|(?P<space>[ \t\n\f]+)(?=[^ \t\n\f])"
    r"|(?P<words>[^&<\0 \t\n\f][^&<\0]*)(?=[&<])"
)
_ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')
_KINDS = ("StartTag", "EndTag", "SpaceCharacters", "Characters")


def quicken(parser: "shim.BleachHTMLParser") -> None:
    """Let a parser of bleach's read so; it gives the same tree."""
    quick: Any = parser
    reset = quick.reset

    def begin() -> None:  # html5lib resets a parser once the tokenizer of a text stands
        quick.tokenizer.dataState = quick.tokenizer.state = _Reader(quick.tokenizer)
        reset()

    quick.reset = begin


class _Reader:
    """Stands for a tokenizer's `dataState`: called where no tag is open, it gives the next token."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer, self._thorough = tokenizer, tokenizer.dataState
        self._source, self._tags = tokenizer.stream._inner_stream, tokenizer.parser.tags
        types: Any = shim
        self._start, self._end, self._space, self._words = (types.constants.tokenTypes[kind] for kind in _KINDS)

    def __call__(self) -> bool:
        """False when nothing is left."""
        plain = _PLAIN.match(self._source.chunk, self._source.chunkOffset)
        if plain is None:
            return bool(self._thorough())
        start, written, end, space, words = plain.groups()
        if words:
            token = {"type": self._words, "data": words}
        elif space:
            token = {"type": self._space, "data": space}
        else:
            attributes = _ATTRIBUTE.findall(written) if written else ()
            given = dict(attributes)
            if (start or end) not in self._tags or len(given) < len(attributes):
                return bool(self._thorough())  # bleach strips the tag, or html5lib chooses of two values
            token = {"type": self._end, "name": end, "data": [], "selfClosing": False}
            if start:
                token |= {"type": self._start, "name": start, "data": given, "selfClosingAcknowledged": False}
            self._tokenizer.currentToken = self._tokenizer.emitted_last_token = token
        self._tokenizer.tokenQueue.append(token)
        self._source.chunkOffset = plain.end()
        return True
