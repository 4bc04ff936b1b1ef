"""The product with peers that nobody here wrote: baresip, SIPp, aiortc."""
