"""What federations do under attack, and how fast they are."""
