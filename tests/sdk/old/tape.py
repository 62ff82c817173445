"""Keeps what an SDK was asked and what came back, so that the tests can judge it in a process with another SDK."""

import hashlib
from typing import Any

from appwrite.exception import AppwriteException


class Tape:
    """The calls in order: {"method", "answer"} or {"method", "error": {"code", "type", "message"}}."""

    def __init__(self) -> None:
        self.notes: list[dict[str, Any]] = []

    def of(self, service: Any) -> Any:
        """The service, with every call of it on tape; what it answers and raises goes through."""
        return _Taped(self, service)


class _Taped:
    def __init__(self, tape: Tape, service: Any) -> None:
        self._tape, self._service = tape, service

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._service, name)
        full_name = f"{type(self._service).__name__.lower()}.{name}"

        def call(*given: Any, **named: Any) -> Any:
            note: dict[str, Any] = {"method": full_name}
            self._tape.notes.append(note)
            try:
                answer = method(*given, **named)
            except AppwriteException as error:
                note["error"] = {"code": error.code, "type": error.type, "message": error.message}
                raise
            note["answer"] = f"md5 {hashlib.md5(answer).hexdigest()}" if isinstance(answer, bytes) else answer
            return answer

        return call
