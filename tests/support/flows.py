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
