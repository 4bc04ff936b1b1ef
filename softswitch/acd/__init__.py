"""Automatic call distribution: agents, queues and offers. `core` decides (sans-IO), `service` carries out."""
