"""The catalog: finds every provider module of this package, so that a new kind edits no list."""

import importlib
import pkgutil
from functools import cache

from app.domain.provider_spec import ProviderSpec
from app.providers.base import Provider


@cache
def catalog() -> dict[str, Provider]:
    """Every kind by its name: each module that offers `PROVIDER`; the others are what kinds are made with."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = {name: importlib.import_module(f"{__name__}.{name}") for name in names}
    return {name: module.PROVIDER for name, module in modules.items() if hasattr(module, "PROVIDER")}


def get(kind: str) -> Provider:
    """The provider of that kind; KeyError when there is none."""
    return catalog()[kind]


def specs() -> list[ProviderSpec]:
    """What every kind needs, in the order of their names."""
    return [provider.spec for provider in catalog().values()]
