"""Every upload of a bucket fetched by boto3 and decoded by fastavro, one after another: sequential_s3.py BUCKET

Server and keys are those of the HEALTH_ETL_S3_* settings.
"""

import io
import os
import sys

import boto3
import fastavro


def main() -> None:
    """List, fetch and decode all, and print how many rows there were."""
    bucket = sys.argv[1]
    client = boto3.client(
        "s3",
        endpoint_url=os.environ["HEALTH_ETL_S3_ENDPOINT_URL"],
        aws_access_key_id=os.environ["HEALTH_ETL_S3_ACCESS_KEY_ID"],
        aws_secret_access_key=os.environ["HEALTH_ETL_S3_SECRET_ACCESS_KEY"],
        region_name=os.environ.get("HEALTH_ETL_S3_REGION", "us-east-1"),
    )
    rows = 0
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="raw/"):
        for entry in page.get("Contents", []):
            content = client.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            rows += sum(1 for _ in fastavro.reader(io.BytesIO(content)))
    print(rows)


if __name__ == "__main__":
    main()
