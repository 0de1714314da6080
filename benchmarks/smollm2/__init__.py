"""A real language model, from base model to adapter."""
