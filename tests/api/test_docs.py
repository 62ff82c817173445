"""The tables of docs/api.md are what the code offers and the SDKs exercise; run this file as a module to write them."""

from app.api import read_operations
from app.infra.settings import ROOT
from tests.doc_tables import parts_of, rewrite
from tests.sdk import absent
from tests.sdk.calls import read_calls

PAGE = ROOT / "docs" / "api.md"
_MESSAGE = "/messaging/messages/{messageId}"
# Beyond the reference, or no matter of these four services: no method of an SDK leads here.
BEYOND = {
    "GET /docs", "GET /openapi.json", "GET /ping", "POST /messaging/preview", f"GET {_MESSAGE}/deliveries",
    f"GET {_MESSAGE}/deliveries/{{deliveryId}}",
    *(f"POST {_MESSAGE}/{verb}" for verb in ("cancel", "pause", "resume", "retry")),
    "GET /messaging/suppressions", "POST /messaging/suppressions", "GET /messaging/suppressions/{suppressionId}",
    "DELETE /messaging/suppressions/{suppressionId}",
    "POST /account/sessions", "POST /account/jwt",  # what the reference calls aliases
    "GET /storage/buckets/{bucketId}/files/{fileId}/push",  # the picture of a push message: for devices
}  # fmt: skip


def operations() -> str:
    """One row per operation, with a tick for each SDK that exercises it."""
    calls = read_calls().values()
    heads = ["operation", "scope", "answers", *(f"{each.sdk} {each.version}" for each in calls)]
    lines = [heads, ["---"] * 3 + [":-:"] * len(calls)]
    for each in sorted(read_operations(), key=lambda operation: (operation.path, operation.method)):
        ticks = ["✓" if f"{each.method} {each.path}" in sdk.operations else "" for sdk in calls]
        lines.append([f"`{each.method} /v1{each.path}`", f"`{each.scope}`", str(each.status), *ticks])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def refused_methods() -> str:
    """What the SDKs can ask for and is not here."""
    return "\n".join(absent.table()) + "\n"


TABLES = {"operations": operations, "refused methods": refused_methods}


def test_the_table_of_operations_is_what_the_code_offers_and_the_sdks_exercise() -> None:
    assert parts_of(PAGE, "operations")[1] == operations(), "run: python -m tests.api.test_docs"


def test_the_table_of_refused_methods_is_what_the_tests_call() -> None:
    assert parts_of(PAGE, "refused methods")[1] == refused_methods(), "run: python -m tests.api.test_docs"


def test_sdks_exercise_every_operation_that_has_a_method() -> None:
    exercised = {name for sdk in read_calls().values() for name in sdk.operations}
    offered = {f"{each.method} {each.path}" for each in read_operations()}
    assert offered - exercised == BEYOND
    assert exercised <= offered, "a file in tests/sdk/calls names what is not offered any more"


if __name__ == "__main__":
    for name, make in TABLES.items():
        rewrite(PAGE, name, make())
