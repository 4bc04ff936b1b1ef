"""What connects nodes; today one node: the bus that every event goes through."""
