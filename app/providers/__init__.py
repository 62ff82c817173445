"""The catalog: finds every provider module of this package, so that a new kind edits no list."""

import importlib
import pkgutil
from functools import cache

from app.domain.provider_spec import ProviderSpec
from app.providers.base import Provider

KIT = frozenset({"base", "http", "mime", "resend_receipts"})  # modules of this package that are not a kind


@cache
def catalog() -> dict[str, Provider]:
    """Every kind by its name; each module offers `PROVIDER`."""
    kinds = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in KIT)
    return {kind: importlib.import_module(f"{__name__}.{kind}").PROVIDER for kind in kinds}


def get(kind: str) -> Provider:
    """The provider of that kind; KeyError when there is none."""
    return catalog()[kind]


def specs() -> list[ProviderSpec]:
    """What every kind needs, in the order of their names."""
    return [provider.spec for provider in catalog().values()]
