"""The composition root: builds everything, wires it, runs it."""
