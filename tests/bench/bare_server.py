"""The yardstick for HTTP as a running server; `bare_flask` is what it runs."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.infra.settings import ROOT
from tests.bench.ports import free_port, wait_until_open


@contextmanager
def running_bare(body: Any) -> Iterator[str]:
    """A bare Flask view that answers with that body; its address."""
    with TemporaryDirectory() as folder:
        port, file = free_port(), Path(folder) / "body.json"
        file.write_text(json.dumps(body))
        process = subprocess.Popen([sys.executable, "-m", "tests.bench.bare_flask", str(port), str(file)], cwd=ROOT)
        try:
            wait_until_open(port, 20)
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait()
