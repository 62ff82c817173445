"""Bleach's parser, which takes what is plainly written in one go instead of character by character.

html5lib's tokenizer asks its stream for every character and changes its state a dozen times in each tag, which took
half of what cleaning takes. Here one pattern takes a whole tag, or a run of text, out of the chunk that was read, and
gives the token that those states would have come to. Whatever is not plain, and whatever reaches to the end of a
chunk, goes through html5lib's states; what the tokens mean is for its tree builder alone to say.
"""

import re
from typing import Any

from bleach import html5lib_shim

_shim: Any = html5lib_shim  # its types leave out what bleach carries of html5lib
# A tag in lower case with its values in double quotes (in which bleach's tokenizer leaves references as they are
# written), white space, or words without references; something must follow, so that nothing goes on in the next chunk.
_PLAIN = re.compile(
    r'<(?P<start>[a-z][a-z0-9]*)(?P<attributes>(?:[ \t\n\f]+[a-z][a-z-]*="[^"\0]*")*)>'
    r"|</(?P<end>[a-z][a-z0-9]*)>"
    r"|(?P<space>[ \t\n\f]+)(?=[^ \t\n\f])"
    r"|(?P<words>[^&<\0 \t\n\f][^&<\0]*)(?=[&<])"
)
_START, _END, _SPACE, _WORDS = (
    _shim.constants.tokenTypes[name] for name in ("StartTag", "EndTag", "SpaceCharacters", "Characters")
)
_ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')


class Tokenizer(_shim.BleachHTMLTokenizer):  # type: ignore[misc]
    """The tokens of bleach's tokenizer, sooner."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._source = self.stream._inner_stream

    def dataState(self) -> bool:  # noqa: N802 - html5lib's name
        """Give the next token where no tag is open; False when nothing is left."""
        plain = _PLAIN.match(self._source.chunk, self._source.chunkOffset)
        if plain is None:
            return bool(super().dataState())
        start, written, end, space, words = plain.groups()
        if words:
            token = {"type": _WORDS, "data": words}
        elif space:
            token = {"type": _SPACE, "data": space}
        else:
            attributes = _ATTRIBUTE.findall(written) if written else ()
            given = dict(attributes)
            if (start or end) not in self.parser.tags or len(given) < len(attributes):
                return bool(super().dataState())  # bleach strips the tag, or html5lib chooses of two values
            token = {"type": _END, "name": end, "data": [], "selfClosing": False}
            if start:
                token |= {"type": _START, "name": start, "data": given, "selfClosingAcknowledged": False}
            self.currentToken = self.emitted_last_token = token
        self.tokenQueue.append(token)
        self._source.chunkOffset = plain.end()
        return True


class Parser(_shim.BleachHTMLParser):  # type: ignore[misc]
    """Bleach's parser with that tokenizer."""

    tokenizer: Any

    def reset(self) -> None:
        """Begin to read; html5lib calls it when the tokenizer stands and nothing was read yet."""
        if not isinstance(self.tokenizer, Tokenizer):
            source = self.tokenizer.stream._inner_stream.dataStream
            self.tokenizer = Tokenizer(stream=source, consume_entities=self.consume_entities, parser=self)
        super().reset()
