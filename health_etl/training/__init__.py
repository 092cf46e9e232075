"""Training data: insights to JSON Lines, filed by health domain and local month."""
