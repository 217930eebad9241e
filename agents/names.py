"""What an agent is called everywhere: its kind and its number within the kind, as in "neocloud-3".

Numbers count from 0 in the order of the rows. Tables, event log, figures, network files, errors and the
Mesa face all use these names; the row of its table stands beside a name wherever rows are joined.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


def agent_name(kind: str, number: int) -> str:
    """Name of the agent with a number among those of its kind."""
    return f"{kind}-{number}"


def number_in(name: str) -> str:
    """The number in a name, where there is no room for the kind."""
    return name.rpartition("-")[2]


def names_of_rows(kinds: NDArray[np.integer], codes: type[IntEnum]) -> NDArray[np.object_]:
    """Names of the agents of a table, object [row], from its column of kinds, codes [row]."""
    names = np.full(len(kinds), "", dtype=object)
    for code in codes:
        kind = code.name.lower()
        for number, row in enumerate(np.flatnonzero(kinds == code)):
            names[row] = agent_name(kind, number)
    return names
