"""Carrier accounts: who an address belongs to, where to send calls, what is up."""
