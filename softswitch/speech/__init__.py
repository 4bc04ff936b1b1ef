"""Text to speech: a synthesizer by name, a cache of what it said, and what happens when it cannot."""
