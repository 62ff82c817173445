"""A program that calls the API in tests: it holds a key, and looks at what every answer must have."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

MISSING: Any = object()


class Caller:
    """Calls /v1 with a project and a key (none when empty)."""

    def __init__(self, app: Flask, key: str = "", project: str = "default") -> None:
        self.client = app.test_client()
        self.headers = {"X-Appwrite-Project": project} if project else {}
        if key:
            self.headers["X-Appwrite-Key"] = key

    def call(
        self, method: str, path: str, body: Any = MISSING, *, headers: dict[str, str] | None = None, **options: Any
    ) -> TestResponse:
        """Any request; every answer has a type, and no cookie, and an error is the four keys of the envelope."""
        if body is not MISSING:
            options["json"] = body
        answer = self.client.open("/v1" + path, method=method, headers=self.headers | (headers or {}), **options)
        assert answer.headers["Content-Type"]
        assert "Set-Cookie" not in answer.headers
        if answer.status_code >= 400:
            assert set(answer.json or {}) == {"message", "code", "type", "version"}
            assert (answer.json or {})["code"] == answer.status_code
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
