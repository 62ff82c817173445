"""A service over HTTP that costs almost nothing: nginx, which answers every request with the same words."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.ports import free_port, wait_until_open
from tests.needs import NEEDS, find_program

_CONFIG = """
daemon off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; default_type application/json;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port}{http2};
    {places}
  }}
}}
"""


@contextmanager
def running_nginx(answers: Mapping[str, tuple[int, str]], *, http2: bool = False) -> Iterator[str]:
    """Answers by the beginning of the path: status and JSON. Gives the address; with `http2` it speaks nothing else."""
    program = find_program("nginx")
    if program is None:
        raise SystemExit(f"The benchmark needs nginx; {NEEDS['nginx'].advice}")
    port = free_port()
    places = "\n    ".join(
        f"location {path} {{ return {status} '{words}'; }}" for path, (status, words) in answers.items()
    )
    with TemporaryDirectory() as folder:
        file = Path(folder) / "nginx.conf"
        file.write_text(_CONFIG.format(folder=folder, port=port, http2=" http2" if http2 else "", places=places))
        process = subprocess.Popen([program, "-c", str(file), "-p", folder])
        try:
            wait_until_open(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()
