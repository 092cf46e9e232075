"""Reading Avro object container files: limits, schema resolution, decoding. Nothing here knows validation or days."""
