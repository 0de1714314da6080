"""What two honest parties must compute identically."""

__version__ = "0.1.0"
