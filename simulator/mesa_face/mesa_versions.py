"""What differs between Mesa 3 and Mesa 4, in one place: no other module asks which of them is installed.

Mesa 4 removes `batch_run`, `Model.steps` and the argument `seed`, and calls something of its own a scenario.
The model of this package counts its own weeks, keeps its own seed, and gives nothing but `rng` to Mesa.
"""

import weakref
from types import MethodType
from typing import Any

import mesa

MAJOR = int(mesa.__version__.partition(".")[0])
"""Of the Mesa that is installed."""


def begin(model: mesa.Model, **own: Any) -> None:
    """What follows `Model.__init__`: attributes of its own, some of which Mesa 4 has set otherwise."""
    for name, value in own.items():
        setattr(model, name, value)
    _loosen(model)


def forget(model: mesa.Model) -> None:
    """Drop what the class Agent keeps of a model.

    Mesa 3 counts the agents of a model in a dictionary of that class, which would keep every model alive for
    ever; Mesa 4 counts in the model.
    """
    getattr(mesa.Agent, "_ids", {}).pop(model, None)


class _Loose:
    """A bound method that does not keep its object alive."""

    def __init__(self, method: MethodType) -> None:
        self._method = weakref.WeakMethod(method)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        method = self._method()
        if method is None:
            raise ReferenceError("the model is gone: keep a reference to it")
        return method(*args, **kwargs)


def _loosen(model: mesa.Model) -> None:
    """Break the circles by which Mesa, wrapping `step`, makes a model keep itself alive.

    Python would release them some day. Until then a loop over models would pile up their tables.
    """
    for name, value in vars(model).items():
        if isinstance(value, MethodType) and value.__self__ is model:
            vars(model)[name] = _Loose(value)
