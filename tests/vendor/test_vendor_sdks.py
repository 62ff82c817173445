"""The vendors' own SDKs from PyPI and npm, unmodified, each in a process of its own, against the emulators.

A story (tests/vendor/python/stories, tests/vendor/node/stories) is a list of steps that are told by an SDK's own calls,
exceptions and validators. docs/vendor-sdks.md lists every SDK with its steps; CARILLON_RECORD=1 writes the list anew.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest

from app.infra.settings import ROOT
from tests import needs
from tests.vendor.conftest import Street
from tests.vendor.proofs import judge
from tests.vendor.table import DOCUMENT, Row, read_rows, write_row

HERE = Path(__file__).parent
PYTHON, NODE = HERE / "python", HERE / "node"
SECONDS = 120  # for one story; the slowest takes about 10


@dataclass(frozen=True)
class Story:
    """One SDK: the registry it comes from, its file, the name of its package there, the kind of its emulator."""

    registry: str
    file: str
    package: str
    kind: str

    def __str__(self) -> str:
        return f"{self.registry}-{self.file}"


STORIES = (
    Story("PyPI", "aioapns", "aioapns", "apns"), Story("PyPI", "boto3_sesv2", "boto3", "ses"),
    Story("PyPI", "firebase", "firebase-admin", "fcm"), Story("PyPI", "mailgun_sdk", "mailgun", "mailgun"),
    Story("PyPI", "resend_sdk", "resend", "resend"), Story("PyPI", "sendgrid_sdk", "sendgrid", "sendgrid"),
    Story("PyPI", "telesign_sdk", "telesign", "telesign"),
    Story("PyPI", "telesign_enterprise", "telesignenterprise", "telesign"),
    Story("PyPI", "twilio_sdk", "twilio", "twilio"), Story("PyPI", "vonage_sdk", "vonage", "vonage"),
    Story("npm", "apn", "@parse/node-apn", "apns"), Story("npm", "firebase", "firebase-admin", "fcm"),
    Story("npm", "mailgun", "mailgun.js", "mailgun"), Story("npm", "msg91", "msg91", "msg91"),
    Story("npm", "nodemailer", "nodemailer", "smtp"), Story("npm", "resend", "resend", "resend"),
    Story("npm", "sendgrid", "@sendgrid/mail", "sendgrid"), Story("npm", "sesv2", "@aws-sdk/client-sesv2", "ses"),
    Story("npm", "sns", "sns-validator", "ses"), Story("npm", "telesign", "telesignsdk", "telesign"),
    Story("npm", "textmagic", "textmagic-rest-client", "textmagic"), Story("npm", "twilio", "twilio", "twilio"),
    Story("npm", "vonage", "@vonage/server-sdk", "vonage"),
)  # fmt: skip
_NEEDS = {"PyPI": ("vendors' SDKs for Python",), "npm": ("vendors' SDKs for Node", "node")}


@pytest.mark.parametrize(
    "story", [pytest.param(each, id=str(each), marks=pytest.mark.needs(*_NEEDS[each.registry])) for each in STORIES]
)
def test_an_sdk_tells_its_story_to_the_end(story: Story, street: Street, tmp_path: Path) -> None:
    before = street.last()
    street.front.asked.clear()
    told = tell(story, street, tmp_path)
    broken = {step: error for step, error in told["ends"].items() if error}
    if broken:
        pytest.fail("\n\n".join(f"{story}, {step}:\n{error}" for step, error in broken.items()), pytrace=False)
    assert street.arrived_since(before) == {story.kind}, "what was sent did not arrive, or arrived elsewhere"
    judge(story.file, told["shown"])
    assert street.front.strangers() == set(), "an SDK asked for a host that is no vendor's"
    row = Row(story.package, story.registry, version_of(story), tuple(told["ends"]))
    print(" | ".join(row.cells))
    if os.environ.get("CARILLON_RECORD"):
        write_row(row)
    assert row in read_rows(), f"{DOCUMENT.relative_to(ROOT)} is out of date; run this test with CARILLON_RECORD=1"


def test_every_story_is_told_and_every_row_of_the_document_has_its_story() -> None:
    files = {("PyPI", path.stem) for path in (PYTHON / "stories").glob("[!_]*.py")}
    files |= {("npm", path.stem) for path in (NODE / "stories").glob("*.mjs")}
    assert {(each.registry, each.file) for each in STORIES} == files
    assert [(row.registry, row.package) for row in read_rows()] == sorted(
        ((each.registry, each.package) for each in STORIES), key=lambda place: (place[0].lower(), place[1])
    )


def tell(story: Story, street: Street, folder: Path) -> dict[str, Any]:
    """How the story went: `ends` has None or the error for each step, `shown` what our own code shall judge."""
    proxy = f"http://127.0.0.1:{street.front.port}"
    certificates = str(street.front.certificates)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    known = {**kept, "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    if story.registry == "PyPI":
        words = [sys.executable, "-S", "tell.py", story.file]
        known |= {"PYTHONPATH": os.pathsep.join([str(PYTHON), str(needs.VENDOR_SDKS)]), "HTTPS_PROXY": proxy}
        known |= dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"), certificates)
    else:
        words = [needs.find_program("node") or "node", "tell.mjs", story.file]
        known |= {"NODE_EXTRA_CA_CERTS": certificates}
    done = subprocess.run(
        words, cwd=PYTHON if story.registry == "PyPI" else NODE, input=street.stage(), env=known,
        capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def version_of(story: Story) -> str:
    """The version that is installed, as the package says it itself."""
    if story.registry == "npm":
        return str(json.loads((needs.NODE_MODULES / story.package / "package.json").read_text())["version"])
    (found,) = distributions(name=story.package, path=[str(needs.VENDOR_SDKS)])
    return found.version
