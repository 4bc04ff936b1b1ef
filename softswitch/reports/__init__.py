"""Folds of the timeline: intervals, indicators, reports, exports, schedules."""
