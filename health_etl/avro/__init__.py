"""Avro object containers: bounds, schema resolution, decoding. Knows files and schemas, not records or days."""
