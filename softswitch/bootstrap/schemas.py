"""The database schemas of the product, beside that of the store itself."""

from __future__ import annotations

from softswitch.customers.tables import SCHEMA as CUSTOMERS
from softswitch.directory.service import SCHEMA as DIRECTORY
from softswitch.recordings.tables import SCHEMA as RECORDINGS
from softswitch.store.schema import Schema

SCHEMAS: tuple[Schema, ...] = (DIRECTORY, CUSTOMERS, RECORDINGS)
