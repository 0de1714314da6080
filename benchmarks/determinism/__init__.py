"""By how much honest validators differ."""
