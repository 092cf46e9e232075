"""The lake: object store, keys, manifests and tables. No other package talks to the store."""
