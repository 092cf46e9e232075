"""Training data: insights as JSON Lines, filed by health domain and local month."""
