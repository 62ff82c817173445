"""The web application for any WSGI server: `wsgi:app`."""

from app.factory import create_app
from app.infra.settings import Settings

app = create_app(Settings.from_env())
