"""Conformance: what a credit bank promises over HTTP, tried on any server, ours or another one's."""
