"""Load on an HTTP server: wrk with 50 connections that stay open, one request on each at a time."""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.needs import NEEDS, find_program

CLIENTS = 50
SECONDS = 3

_SCRIPT = """
local number, bodies = 0, {}
if BODIES then for line in io.lines(BODIES) do bodies[#bodies + 1] = line end end
request = function()
  number = number + 1
  local body = BODY and string.gsub(BODY, "NUMBER", number) or nil
  return wrk.format(METHOD, nil, HEADERS, bodies[number] or body)
end
"""


@dataclass(frozen=True)
class Asked:
    """One request, sent again and again; NUMBER in the body counts up from 1. `bodies` (a line each) go first."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    bodies: tuple[str, ...] = ()


def requests_a_second(asked: Asked, seconds: int = SECONDS) -> float:
    """How many are answered a second; AssertionError when one of the answers is an error."""
    program = find_program("wrk")
    if program is None:
        raise SystemExit(f"The benchmark needs wrk; {NEEDS['wrk'].advice}")
    with TemporaryDirectory() as folder:
        script = Path(folder) / "load.lua"
        script.write_text(_settings(asked, Path(folder) / "bodies") + _SCRIPT)
        said = subprocess.run(
            [program, "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--timeout", "20s", "-s", str(script), asked.url],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
    assert "Non-2xx" not in said, said
    assert "Socket errors" not in said, said
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found, said
    return float(found[1])


def _settings(asked: Asked, bodies: Path) -> str:
    headers = ", ".join(f"[{json.dumps(name)}] = {json.dumps(value)}" for name, value in asked.headers.items())
    said = f"METHOD = {json.dumps(asked.method)}\nHEADERS = {{ {headers} }}\n"
    if asked.bodies:
        bodies.write_text("\n".join(asked.bodies) + "\n")
        said += f"BODIES = {json.dumps(str(bodies))}\n"
    return said + f"BODY = {json.dumps(asked.body) if asked.body else 'nil'}\n"
