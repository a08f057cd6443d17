"""The bank as its callers see it."""
