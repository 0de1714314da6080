"""What splitting or adding stake is worth, computed with the protocol's own draw and weights."""
