"""The first line of a process, where logs are read by programs: which version this is, and how it is set up."""

import platform
from importlib.metadata import version

import structlog

from app.infra import logs
from app.infra.settings import Settings

LASTING = frozenset({"up", "web", "worker", "ticker", "bounces"})  # processes that stay

log = structlog.get_logger(logs.STARTS)


def say_start(settings: Settings, process: str) -> None:
    """Tell it for a process that stays: what was chosen, by its sort; no password, no address of a person, no host."""
    if process not in LASTING or not logs.are_told(logs.STARTS):
        return
    log.info(
        "Started", version=version("carillon"), python=platform.python_version(), data_dir=str(settings.data_dir),
        database=settings.sqlalchemy_url.partition(":")[0].partition("+")[0], lease_seconds=settings.lease_seconds,
        queue="embedded" if settings.is_embedded else settings.redis_url.partition(":")[0],
        storage=settings.storage_url.partition(":")[0] or "data dir", workers=settings.workers,
        trusted_proxies=settings.trusted_proxies, receives_bounces=bool(settings.bounces_port),
        has_public_url=bool(settings.public_url), allows_private_hosts=settings.allow_private_hosts,
        other_endpoints=sorted(settings.provider_endpoints), shows_metrics=bool(settings.metrics_token),
    )  # fmt: skip
