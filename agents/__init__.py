"""Who decides: one table and a handful of decision rules for each kind of agent."""
