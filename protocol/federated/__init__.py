"""Federated rounds: updates as whole numbers, their exact aggregation, votes on them, and what a round pays."""
