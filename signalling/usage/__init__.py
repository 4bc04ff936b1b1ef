"""What is done with dialogs and transactions: one verb, one file. Each is a few functions over `Core` and `Leg`."""
