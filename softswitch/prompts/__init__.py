"""The shipped prompts: recorded texts per language. Data beside lookups; playing them is the media engine's work."""
