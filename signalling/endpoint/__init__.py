"""The core: octets, commands and time in; octets, events and the next deadline out. No I/O, no clock, no dice."""

from signalling.endpoint.core import Endpoint, Output, Transmit
from signalling.usage.config import EndpointConfig, Limits

__all__ = ["Endpoint", "EndpointConfig", "Limits", "Output", "Transmit"]
