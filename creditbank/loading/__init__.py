"""Filling a bank with made-up people and their learning, as many as wanted, to measure how it does at that size."""
