"""Opening hours: zones, weekly segments, holidays and days that differ."""
