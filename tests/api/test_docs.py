"""The table of operations in docs/api.md is what the code offers; run this file as a module to write it anew."""

from pathlib import Path

from app.api import read_operations
from app.infra.settings import ROOT

PAGE, SDK = ROOT / "docs" / "api.md", Path("tests/sdk/test_python_sdk.py")
BEGIN, END = "<!-- operations -->\n", "<!-- end of operations -->\n"
# Operation -> the method of the Python SDK 27.0.0 that calls it; those beyond the reference have none.
METHODS = {
    "POST /messaging/topics": "create_topic", "GET /messaging/topics": "list_topics",
    "GET /messaging/topics/{topicId}": "get_topic", "PATCH /messaging/topics/{topicId}": "update_topic",
    "DELETE /messaging/topics/{topicId}": "delete_topic",
    "POST /messaging/topics/{topicId}/subscribers": "create_subscriber",
    "GET /messaging/topics/{topicId}/subscribers": "list_subscribers",
    "GET /messaging/topics/{topicId}/subscribers/{subscriberId}": "get_subscriber",
    "DELETE /messaging/topics/{topicId}/subscribers/{subscriberId}": "delete_subscriber",
    "GET /messaging/providers": "list_providers", "GET /messaging/providers/{providerId}": "get_provider",
    "DELETE /messaging/providers/{providerId}": "delete_provider",
    "POST /messaging/providers/smtp": "create_smtp_provider",
    "PATCH /messaging/providers/smtp/{providerId}": "update_smtp_provider",
    "POST /messaging/messages/email": "create_email", "PATCH /messaging/messages/email/{messageId}": "update_email",
    "GET /messaging/messages": "list_messages", "GET /messaging/messages/{messageId}": "get_message",
    "DELETE /messaging/messages/{messageId}": "delete", "GET /messaging/messages/{messageId}/targets": "list_targets",
    "POST /users": "create", "GET /users": "list", "GET /users/{userId}": "get", "DELETE /users/{userId}": "delete",
    "PATCH /users/{userId}/name": "update_name", "PATCH /users/{userId}/email": "update_email",
    "PATCH /users/{userId}/phone": "update_phone", "GET /users/{userId}/prefs": "get_prefs",
    "PATCH /users/{userId}/prefs": "update_prefs", "POST /users/{userId}/targets": "create_target",
    "GET /users/{userId}/targets": "list_targets", "GET /users/{userId}/targets/{targetId}": "get_target",
    "PATCH /users/{userId}/targets/{targetId}": "update_target",
    "DELETE /users/{userId}/targets/{targetId}": "delete_target",
}  # fmt: skip


def table() -> str:
    lines = ["| operation | scope | answers | Python SDK 27.0.0 |", "| --- | --- | --- | --- |"]
    for each in sorted(read_operations(), key=lambda operation: (operation.path, operation.method)):
        name = f"{each.method} {each.path}"
        service = "users" if each.path.startswith("/users") else "messaging"
        method = f"`{service}.{METHODS[name]}`" if name in METHODS else ""
        lines.append(f"| `{each.method} /v1{each.path}` | `{each.scope}` | {each.status} | {method} |")
    return "\n".join(lines) + "\n"


def test_the_table_of_operations_is_what_the_code_offers() -> None:
    assert PAGE.read_text().partition(BEGIN)[2].partition(END)[0] == table()


def test_every_method_of_the_table_is_called_in_the_tests_with_the_sdk() -> None:
    called = (ROOT / SDK).read_text()
    missing = {
        name
        for name, method in METHODS.items()
        if f"{'users' if name.partition(' ')[2].startswith('/users') else 'messaging'}.{method}(" not in called
    }
    assert missing == set()


if __name__ == "__main__":
    page = PAGE.read_text()
    PAGE.write_text(page.partition(BEGIN)[0] + BEGIN + table() + END + page.partition(END)[2])
