"""Who and what exists: trunks, extensions, agents, queues, flows, numbers, routes, users, tokens."""
