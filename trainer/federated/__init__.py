"""The trainer in federations: local data, local training, votes, privacy, and the client of the alliance."""
