"""Experiments ask: studies, their execution, the results they leave, the figures they print."""
