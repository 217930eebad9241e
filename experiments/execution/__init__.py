"""Execution: who computes which runs, on one machine or many."""
