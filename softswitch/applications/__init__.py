"""Voice applications: a call driven by webhooks that answer in TwiML."""
