"""The web application for any WSGI server: `wsgi:app`."""

from app.factory import create_app
from app.infra.logs import set_up_logs
from app.infra.settings import Settings

settings = Settings.from_env()
set_up_logs(settings.log_format, process="web")  # redacted, as under `carillon web`
app = create_app(settings)
