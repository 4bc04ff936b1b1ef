"""Customers: records, own fields, histories, notes, dispositions."""
