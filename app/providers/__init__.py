"""The catalog: finds every provider module of this package, so that a new kind edits no list.

Each is made when it is first asked for: a worker that sends texts loads no other service, nor what those are made with.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache, cached_property

from app.domain.provider_spec import ProviderSpec
from app.providers.base import Provider


class _Kinds(Mapping[str, Provider]):
    """Every kind by its name; who asks for one loads that one, who asks what there are loads them all."""

    def __getitem__(self, kind: str) -> Provider:
        provider = self._offered(kind) if kind in self._modules else None
        if provider is None:
            raise KeyError(kind)
        return provider

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @cached_property
    def _modules(self) -> list[str]:
        return sorted(module.name for module in pkgutil.iter_modules(__path__))

    @cached_property
    def _names(self) -> list[str]:
        return [name for name in self._modules if self._offered(name) is not None]

    @staticmethod
    def _offered(name: str) -> Provider | None:
        """What the module offers as `PROVIDER`; None for those that kinds are made with."""
        found: Provider | None = getattr(importlib.import_module(f"{__name__}.{name}"), "PROVIDER", None)
        return found


@cache
def catalog() -> Mapping[str, Provider]:
    """Every kind by its name: each module that offers `PROVIDER`; the others are what kinds are made with."""
    return _Kinds()


def get(kind: str) -> Provider:
    """The provider of that kind; KeyError when there is none. No other kind is loaded for it."""
    return catalog()[kind]


def specs() -> list[ProviderSpec]:
    """What every kind needs, in the order of their names."""
    return [provider.spec for provider in catalog().values()]
