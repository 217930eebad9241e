"""Subclasses of agents' views: which class stands for whom, and which hooks it defines."""

from collections.abc import Iterable, Sequence
from typing import Any

from hashcredit.agents.views import KINDS, View
from hashcredit.simulator.errors import HookError
from hashcredit.simulator.scenario.errors import hint

BEFORE, AFTER = "before_", "after_"

AgentClasses = type[View] | Iterable[type[View]] | None


def chosen_classes(agent_classes: AgentClasses) -> dict[type[View], type[View]]:
    """For each kind of view the class that a model makes: the subclass given for it, else the kind itself."""
    given: Iterable[Any] = () if agent_classes is None else agent_classes
    if isinstance(agent_classes, type):
        given = (agent_classes,)
    chosen = {kind: kind for kind in KINDS}
    for each in given:
        kinds = [kind for kind in KINDS if isinstance(each, type) and issubclass(each, kind)]
        if len(kinds) != 1:
            names = ", ".join(kind.__name__ for kind in KINDS)
            raise HookError("agent_classes", f"{each!r} must be a subclass of exactly one of {names}")
        (kind,) = kinds
        if chosen[kind] is not kind:
            both = f"{chosen[kind].__name__} and {each.__name__}"
            raise HookError("agent_classes", f"{both} are both given for {kind.__name__}; give one")
        chosen[kind] = each
    return chosen


def hooks_of(kind: type[View], phases: Sequence[str]) -> list[str]:
    """Names of the hooks that a class defines, itself or through its parents; a misnamed one is an error."""
    known = [prefix + phase for phase in phases for prefix in (BEFORE, AFTER)]
    found = [name for name in dir(kind) if name.startswith((BEFORE, AFTER)) and callable(getattr(kind, name))]
    for name in found:
        if name not in known:
            reason = f"there is no such phase of the week; {hint(name, known)} Phases: {', '.join(phases)}"
            raise HookError(f"{kind.__name__}.{name}", reason)
    return found


def collect_hooks(agents: Iterable[View], phases: Sequence[str]) -> dict[str, list[Any]]:
    """For each hook in use the bound methods to call, in the order of the agents."""
    names: dict[type[View], list[str]] = {}
    hooks: dict[str, list[Any]] = {}
    for agent in agents:
        kind = type(agent)
        if kind not in names:
            names[kind] = hooks_of(kind, phases)
        for name in names[kind]:
            hooks.setdefault(name, []).append(getattr(agent, name))
    return hooks
