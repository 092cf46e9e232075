"""What the process imports that runs are forked from; see warm_runs.py. Makes neither threads nor connections."""

import boto3
import dagster_aws.s3
import dagster_postgres
import obstore
import psycopg2
import pyarrow.parquet

import health_etl.definitions
from health_etl.clinical import all_processors

__all__ = ["boto3", "dagster_aws", "dagster_postgres", "health_etl", "obstore", "psycopg2", "pyarrow"]

all_processors()
