"""health_etl: Android Health Connect exports to validated records, insights and training data."""

__version__ = "0.1.0"
