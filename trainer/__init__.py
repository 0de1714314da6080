"""Trains models for open tasks and claims the rewards."""
