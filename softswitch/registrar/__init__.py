"""Phones that are logged in, and the credentials they log in with."""
