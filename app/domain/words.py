"""Words: how texts and searches are cut into them, alike on every database."""

import re
import unicodedata
from dataclasses import dataclass

LONGEST_WORD = 64
MOST_WORDS_KEPT = 256
MOST_WORDS_ASKED = 16
_WORD = re.compile(r"[^\W_]+")
_TERM = re.compile(r'"([^"]*)"|([^\W_"]+)')


@dataclass(frozen=True, slots=True)
class Search:
    """What was typed: whole words, phrases (words in a row), and the beginning of a word (the last one, unquoted)."""

    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    beginning: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is no word in it at all; such a search finds nothing."""
        return not (self.words or self.phrases or self.beginning)


def plain(text: str) -> str:
    """Without case and accents, so that *josé* and *JOSE* are one word."""
    if text.isascii():
        return text.lower()
    split = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in split if not unicodedata.combining(sign)).casefold()


def words_of(*texts: str) -> str:
    """The words of all texts in a row, a space before and behind each; empty when there is none."""
    found = _WORD.findall(plain(" ".join(texts)))[:MOST_WORDS_KEPT]
    return f" {' '.join([word[:LONGEST_WORD] for word in found])} " if found else ""


def read_search(text: str) -> Search:
    """Cut a search into its terms; at most 16 count."""
    words: list[str] = []
    phrases: list[str] = []
    is_open = False
    for quoted, word in _TERM.findall(plain(text))[:MOST_WORDS_ASKED]:
        is_open = bool(word)
        if word:
            words.append(word[:LONGEST_WORD])
        elif phrase := words_of(quoted).strip():
            phrases.append(phrase)
    beginning = words.pop() if is_open else ""
    return Search(tuple(words), tuple(phrases), beginning)
