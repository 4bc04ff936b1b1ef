"""Pure values that every part of the product shares: ids, causes, destinations, agent states, timeline events. No I/O, no clock."""
