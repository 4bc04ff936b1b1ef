"""Defence of the edge: who is shut out, what is remembered of it, and the packet filter that helps."""
