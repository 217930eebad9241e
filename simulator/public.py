"""Public names of a package, imported on first use.

A kernel module must not pull in pydantic or pandas through its package, and Mesa changes how processes start.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def public_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions `__getattr__` and `__dir__` of a package.

    package    its import name
    homes      module of each public name, as it is called below the package
    """

    def find(name: str) -> Any:
        """Import a public name from its module when it is first asked for."""
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return find, lambda: sorted(homes)
