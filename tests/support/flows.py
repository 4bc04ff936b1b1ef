"""Apply file parts that several tests need."""

from __future__ import annotations

MENU_TO_SALES = """
[[flow]]
name = "main"
languages = ["zh-CN", "en"]
start = "hello"
[flow.nodes.hello]
verb = "answer"
next = "menu"
[flow.nodes.menu]
verb = "menu"
prompts = ["welcome", "main-menu"]
timeout = 5
retries = 3
keys = { 1 = "sales" }
no_input = "bye"
no_match = "menu"
[flow.nodes.sales]
verb = "queue"
queue = "sales"
on_timeout = "bye"
[flow.nodes.bye]
verb = "hangup"
cause = "normal"
"""

CARRIER = """
[[trunk]]
name = "carrier"
addresses = ["127.0.0.1"]
"""
"""Whoever calls from this machine."""
SALES = """
[[queue]]
name = "sales"
announce = "none"
wrap_up = 1
[[number]]
number = "4008001000"
to = "queue:sales"
"""
"""A queue that says nothing while callers wait, and its number; it records."""
LI = """
[[agent]]
login = "li"
name = "李"
queues = ["sales"]
"""
PHONE_1001 = """
[[extension]]
number = "1001"
password = "correct-horse-1001"
"""
WANG = """
[[user]]
login = "wang"
name = "王"
role = "supervisor"
"""
