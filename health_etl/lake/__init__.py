"""The lake: objects, keys, manifests and tables. The one place that talks to the store."""
