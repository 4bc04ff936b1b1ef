"""Ring groups and paging: one number, many phones."""
