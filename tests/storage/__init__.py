"""Claims about what the database holds by itself, on both engines."""
