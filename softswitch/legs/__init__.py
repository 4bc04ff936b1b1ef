"""A leg joins one party (a SIP dialog or a browser session) to one media port. Everything above sees only `legs.base`."""
