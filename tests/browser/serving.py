"""A web server that really listens, within the process of the tests: a browser may look at what they prepared."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from werkzeug.serving import make_server

from app.factory import create_app
from app.services.work import Workshop


@contextmanager
def served(workshop: Workshop) -> Iterator[str]:
    """The address at which the whole app answers until the block ends."""
    app = create_app(workshop.settings, workshop=workshop)
    app.config["COMPRESS_STREAMS"] = False  # packed files are left open for the garbage collector, which warns
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
