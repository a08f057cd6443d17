"""Drills: the real server under the worst that can happen to it."""
