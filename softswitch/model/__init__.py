"""Pure values that every part of the product shares: ids, causes, destinations, states, timeline events. No I/O, no clock."""
