"""A program that calls the API in tests: it holds a key, and holds every answer against what is declared."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.api.declared import check_answer, operation_at

MISSING: Any = object()


class Caller:
    """Calls /v1 with a project and a key (none when empty)."""

    def __init__(self, app: Flask, key: str = "", project: str = "default") -> None:
        self.app = app
        self.client = app.test_client()
        self.headers = {"X-Appwrite-Project": project} if project else {}
        if key:
            self.headers["X-Appwrite-Key"] = key

    def call(
        self, method: str, path: str, body: Any = MISSING, *, headers: dict[str, str] | None = None, **options: Any
    ) -> TestResponse:
        """Any request; every answer has a type, no cookie but for a sign-in, and is what its operation declares."""
        if body is not MISSING:
            options["json"] = body
        answer = self.client.open("/v1" + path, method=method, headers=self.headers | (headers or {}), **options)
        assert answer.headers.get("Content-Type") or answer.status_code == 304
        assert "Set-Cookie" not in answer.headers or path.startswith("/account")
        if answer.status_code >= 400:
            assert set(answer.json or {}) == {"message", "code", "type", "version"}
            assert (answer.json or {})["code"] == answer.status_code
        operation = operation_at(self.app, method, path)
        if operation is not None:
            check_answer(operation, answer)
        return answer

    def get(self, path: str, *queries: str, **parameters: Any) -> Any:
        """The JSON of a GET that works."""
        asked = {f"queries[{index}]": query for index, query in enumerate(queries)} | parameters
        answer = self.call("GET", path, query_string=asked)
        assert answer.status_code == 200, answer.text
        return answer.json

    def post(self, path: str, status: int = 201, **body: Any) -> Any:
        """The JSON of a POST that works."""
        answer = self.call("POST", path, body)
        assert answer.status_code == status, answer.text
        return answer.json

    def patch(self, path: str, **body: Any) -> Any:
        """The JSON of a PATCH that works."""
        answer = self.call("PATCH", path, body)
        assert answer.status_code == 200, answer.text
        return answer.json

    def delete(self, path: str) -> None:
        """A DELETE that works: no body, and no JSON type that an SDK would try to read."""
        answer = self.call("DELETE", path, {})
        assert (answer.status_code, answer.data) == (204, b"")
        assert not answer.headers["Content-Type"].startswith("application/json")

    def refused(self, method: str, path: str, body: Any = MISSING, **options: Any) -> tuple[int, str]:
        """Status and type of a request that is refused."""
        answer = self.call(method, path, body, **options)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, (answer.json or {})["type"]
