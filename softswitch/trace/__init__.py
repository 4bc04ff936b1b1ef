"""What was said on the wire about a call: kept, shown, judged and passed on."""
