"""Events for programs outside: signed, retried, at least once."""
