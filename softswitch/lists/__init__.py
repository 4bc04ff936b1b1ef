"""Numbers that are treated specially: black, white and VIP lists."""
