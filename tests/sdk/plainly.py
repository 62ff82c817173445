"""Calls a method of a Python SDK with the plainest arguments that its signature takes."""

import inspect
import typing
import warnings
from collections.abc import Callable
from enum import Enum
from typing import Any

_PLAIN: dict[Any, Any] = {str: "plain", bool: True, int: 1, float: 1, dict: {}, list: []}


def call_plainly(method: Callable[..., Any], *, instead: Callable[..., Any] | None = None) -> Any:
    """Call it, or what stands in for it; what is not required is left out.

    The SDK warns of methods that it renamed; they are called too.
    """
    hints = typing.get_type_hints(method)
    required = [each.name for each in inspect.signature(method).parameters.values() if each.default is each.empty]
    with warnings.catch_warnings(record=True):
        return (instead or method)(**{name: _value(hints[name]) for name in required})


def _value(hint: Any) -> Any:
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint)).value  # the older SDK cannot write an enum into an address
    return _PLAIN[typing.get_origin(hint) or hint]
