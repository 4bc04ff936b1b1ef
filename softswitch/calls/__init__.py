"""Calls: a task, its legs and its timeline. Knows no SIP header, no SQL and no agent."""
