"""The database schemas of the product, beside that of the store itself."""

from __future__ import annotations

from softswitch.acd.tables import SCHEMA as ACD
from softswitch.alerting.tables import SCHEMA as ALERTING
from softswitch.calendar.tables import SCHEMA as CALENDAR
from softswitch.customers.tables import SCHEMA as CUSTOMERS
from softswitch.directory.service import SCHEMA as DIRECTORY
from softswitch.features.tables import SCHEMA as FEATURES
from softswitch.ivr.tables import SCHEMA as IVR
from softswitch.lists.tables import SCHEMA as LISTS
from softswitch.mail.tables import SCHEMA as MAIL
from softswitch.recordings.tables import SCHEMA as RECORDINGS
from softswitch.registrar.tables import SCHEMA as REGISTRAR
from softswitch.store.schema import Schema
from softswitch.trace.tables import SCHEMA as TRACE
from softswitch.voicemail.tables import SCHEMA as VOICEMAIL
from softswitch.webhooks.tables import SCHEMA as WEBHOOKS

SCHEMAS: tuple[Schema, ...] = (
    DIRECTORY, MAIL, ALERTING, ACD, CALENDAR, LISTS, CUSTOMERS, RECORDINGS, IVR, VOICEMAIL, WEBHOOKS, TRACE,
    FEATURES, REGISTRAR,
)  # fmt: skip
