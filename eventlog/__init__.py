"""The ordered log on PostgreSQL: append, read, follow; sealing and keys; the Merkle root."""
