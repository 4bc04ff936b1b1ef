"""Mailboxes: greetings, messages, access by phone, lamp and mail."""
