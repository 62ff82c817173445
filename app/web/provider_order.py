"""The order of providers: dragged, carried by keys or moved by buttons; side by side, and in which shares."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request, url_for

from app.domain.errors import Invalid
from app.services.providers import provider_limits, provider_order, providers
from app.services.providers.providers import Card
from app.services.tracking import receipts
from app.services.work import Work
from app.web import access
from app.web.context import opening, reading
from app.web.htmx import go, render_fragment, toast, wants_fragment
from app.web.provider_page import say_usage

blueprint = Blueprint("provider_order", __name__, url_prefix="/p/<project_id>/providers")


def list_context(work: Work) -> dict[str, Any]:
    """What the list draws: cards by channel in order, and by provider the use of its limits and its last receipt."""
    groups = providers.list_providers(work)
    cards = [card for group in groups.values() for card in group]
    return {
        "groups": groups,
        "usages": {card.provider.pk: provider_limits.usage_of(work, card.provider) for card in cards},
        "desks": {card.provider.pk: receipts.desk_of(work, card.provider, card.spec) for card in cards},
    }


@blueprint.post("/order")
@access.needs("providers.write")
def place(project_id: str) -> Response:
    """Put a channel's providers into the order that was dragged: one `tier` each, ids with commas between."""
    channel = request.form.get("channel", "")
    tiers = [[each for each in tier.split(",") if each] for tier in request.form.getlist("tier")]
    return _change(lambda work: provider_order.reorder(work, channel, tiers), channel)


@blueprint.post("/<provider_id>/move")
@access.needs("providers.write")
def move(project_id: str, provider_id: str) -> Response:
    """One place up or down in the failover order."""
    return _change(lambda work: provider_order.move(work, provider_id, up=request.form.get("up") == "1"))


@blueprint.post("/<provider_id>/beside")
@access.needs("providers.write")
def beside(project_id: str, provider_id: str) -> Response:
    """Share with the one above, or stand alone again."""
    act = provider_order.stand_beside if request.form.get("beside") == "1" else provider_order.stand_alone
    return _change(lambda work: act(work, provider_id))


@blueprint.post("/<provider_id>/share")
@access.needs("providers.write")
def share(project_id: str, provider_id: str) -> Response:
    """How much it takes beside the others of its place."""
    text = request.form.get("share", "").strip()
    amount = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0  # nonsense is out of bounds too
    return _change(lambda work: provider_order.set_share(work, provider_id, amount))


def _change(act: Callable[[Work], object], channel: str = "") -> Response:
    """Change the order and show it; what cannot be is said in the corner. Under htmx one channel is drawn again."""
    said = ""
    try:
        with opening() as work:
            act(work)
    except Invalid as error:
        said = " ".join(sentence for group in error.fields.values() for sentence in group)
    if not channel or not wants_fragment():
        if said:
            toast(said, "bad")
        return go(url_for("providers.index"))
    with reading() as work:
        found = list_context(work)
    cards: list[Card] = found["groups"].get(channel, [])
    response = render_fragment("providers/_channel.html", name=channel, cards=cards, **found)
    if said:
        toast(said, "bad", response)
    return response


blueprint.add_app_template_filter(say_usage, "say_usage")
