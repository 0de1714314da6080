"""How fast and how frugal the clients are."""
