"""The methods of a Python SDK's services, and the operation each calls: read from the SDK's own source."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

SERVICES = ("account", "messaging", "storage", "users")
_PATH = re.compile(r"api_path = '([^']+)'")
_VERB = re.compile(r"self\.client\.call\(\s*'(\w+)'")


@dataclass(frozen=True)
class Method:
    """One method: `messaging.create_topic` calls `POST /messaging/topics`."""

    service: str
    name: str
    verb: str
    path: str

    @property
    def full_name(self) -> str:
        return f"{self.service}.{self.name}"


def read_methods() -> Iterator[Method]:
    """Those of the SDK that `import appwrite` finds, in the order of their names."""
    for service in SERVICES:
        made = getattr(import_module(f"appwrite.services.{service}"), service.title())
        for name, function in inspect.getmembers(made, inspect.isfunction):
            if name.startswith("_"):
                continue
            source = inspect.getsource(function)
            path, verb = _PATH.search(source), _VERB.search(source)
            assert path, f"{service}.{name} names no path"
            yield Method(service, name, verb.group(1).upper() if verb else "POST", path.group(1))  # uploads are posted
