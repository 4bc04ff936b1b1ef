"""The four transaction machines of RFC 3261 §17 with RFC 6026, as tables and one interpreter."""

from signalling.transaction.keys import client_key, merge_key, server_key
from signalling.transaction.machine import ClientTransaction, Host, ServerTransaction
from signalling.transaction.tables import INVITE_CLIENT, INVITE_SERVER, OTHER_CLIENT, OTHER_SERVER, Action, Input, State

__all__ = [
    "INVITE_CLIENT",
    "INVITE_SERVER",
    "OTHER_CLIENT",
    "OTHER_SERVER",
    "Action",
    "ClientTransaction",
    "Host",
    "Input",
    "ServerTransaction",
    "State",
    "client_key",
    "merge_key",
    "server_key",
]
