"""Answers questions about the index over HTTP."""
