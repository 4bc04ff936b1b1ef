"""Live events and browser media over one WebSocket (interfaces.md §4)."""
