"""Mirrors the chain into tables, and answers questions about them."""
