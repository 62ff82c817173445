"""The first page: what needs attention, today, the last two weeks, what comes next."""

from typing import Any

from flask import Blueprint, Response, g

from app.services.running import health
from app.services.sending import dashboard
from app.services.sending.dashboard import Day
from app.web import access
from app.web.context import reading, workshop
from app.web.htmx import render

blueprint = Blueprint("home", __name__, url_prefix="/p/<project_id>")
CHART_HEIGHT = 120.0
BAR_WIDTH, BAR_STEP = 30, 40


@blueprint.get("")
@access.needs("home.read")
def index(project_id: str) -> Response:
    """Everything at a glance."""
    with reading() as work:
        home = dashboard.home_of(work)
    shop = workshop()
    missing = [
        part for part in health.missing_parts(shop.database, shop.broker) if part in {"queue", "worker", "ticker"}
    ]
    top = max((day.total for day in home.days), default=0)
    return render("dashboard/index.html", home=home, bars=draw_bars(home.days), top=top, missing=missing)


def draw_bars(days: list[Day]) -> list[dict[str, Any]]:
    """Where each part of each day's bar stands on a canvas of CHART_HEIGHT, the fullest day to the top."""
    top = max((day.total for day in days), default=0) or 1
    bars = []
    for place, day in enumerate(days):
        edge, parts = CHART_HEIGHT, []
        for tone, amount in (("teal", day.good), ("grey", day.other), ("red", day.bad)):
            height = CHART_HEIGHT * amount / top
            if amount:
                height = max(height, 1.5)
                edge = max(edge - height, 0.0)
                parts.append({"tone": tone, "y": round(edge, 1), "height": round(height, 1)})
        bars.append({"day": day, "x": place * BAR_STEP, "width": BAR_WIDTH, "parts": parts})
    return bars


@blueprint.app_template_filter("phase")
def _phase(message: Any) -> str:
    return str(message.phase(stopped=g.project.stopped_at is not None))
