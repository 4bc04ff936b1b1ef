"""Predicted waiting time: estimators, their error, and the formulas of Erlang."""
