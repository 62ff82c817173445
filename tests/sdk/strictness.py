"""Holds answers against the Python SDK's models more strictly than the SDK does, which fills in what is missing."""

import typing
from collections.abc import Iterator
from typing import Any

from appwrite.models.base_model import AppwriteModel


def require_whole(model: type[AppwriteModel], given: Any) -> None:
    """Fail unless an answer has every field that the model demands, also in the objects within it."""
    for name, field in model.model_fields.items():
        alias = field.alias or name
        if alias not in given:
            assert not field.is_required(), f"An answer for {model.__name__} has no {alias}: {given}"
            continue
        for inner in _models_in(field.annotation):
            value = given[alias]
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, dict):
                    require_whole(inner, each)


def _models_in(hint: Any) -> Iterator[type[AppwriteModel]]:
    """The one model a field is of; none where it may be of several, which the SDK tells apart itself."""
    if isinstance(hint, type) and issubclass(hint, AppwriteModel):
        yield hint
        return
    arguments = [each for each in typing.get_args(hint) if each is not type(None)]
    if len(arguments) == 1:
        yield from _models_in(arguments[0])
