"""Mirrors the chain into tables and serves them."""
