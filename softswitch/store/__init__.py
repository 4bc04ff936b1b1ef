"""The database: connections and transactions, the journal of events, call records and recordings."""
