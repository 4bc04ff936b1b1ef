"""The product: calls, agents, flows, records. See README.md for the layers."""

__version__ = "0.1.0"
