"""From a dialled number to a destination, and from a destination to the places to ring."""
