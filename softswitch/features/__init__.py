"""Small call features as coroutines over a call: echo, conference rooms, click-to-call tokens."""
