"""What phones watch and publish: message lamps, busy lamps, presence, and short messages (RFC 3842, 4235, 3856, 3428)."""
