"""Alarms beyond the screen: thresholds, escalation, the four-step reserve."""
