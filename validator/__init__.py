"""The validator: scores the models it is drawn for."""
