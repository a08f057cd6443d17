"""Limits of several processes together, with a real Redis."""
