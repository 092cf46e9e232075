"""What it takes to run health_etl as a stack of services."""
