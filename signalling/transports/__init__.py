"""The only asyncio here: sockets feed the endpoint, the endpoint's output is written out, one timer is re-armed."""

from signalling.transports.driver import SipDriver
from signalling.transports.resolver import Resolver

__all__ = ["Resolver", "SipDriver"]
