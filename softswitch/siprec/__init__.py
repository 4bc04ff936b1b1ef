"""SIPREC client (RFC 7866): the sound of calls to recording servers, with metadata (RFC 7865)."""
