"""One week: the phases in their order, the rounds inside it, regimes of policy, what is measured.

A phase is called here; its rules live in the room of their domain.
"""
