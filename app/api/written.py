"""Answers that are made once and asked for often: kept as bytes, packed too, with a mark for those who have them."""

import gzip
import hashlib
from dataclasses import dataclass

from flask import Request, Response


@dataclass(frozen=True, slots=True)
class Written:
    """A body as it is sent, the same packed with gzip, and what tells one version from another."""

    content_type: str
    body: bytes
    packed: bytes
    mark: str

    def answer(self, asked: Request) -> Response:
        """200 with the body, packed for those who can unpack it; 304 for those who have it (RFC 9110, 13.1.2)."""
        is_packed = asked.accept_encodings.quality("gzip") > 0
        answer = Response(self.packed if is_packed else self.body, content_type=self.content_type)
        if is_packed:
            answer.headers["Content-Encoding"] = "gzip"
        answer.set_etag(f"{self.mark}-gzip" if is_packed else self.mark)
        answer.vary.add("Accept-Encoding")
        answer.headers["Cache-Control"] = "no-cache"
        answer.make_conditional(asked)
        return answer


def write(content_type: str, text: str) -> Written:
    """Keep a text."""
    body = text.encode()
    return Written(content_type, body, gzip.compress(body, mtime=0), hashlib.sha256(body).hexdigest()[:32])
