"""Package metadata; the exact versions of everything are in constraints.txt (`make lock`)."""

import re
from pathlib import Path

from setuptools import find_packages, setup

INIT = Path(__file__).parent / "health_etl" / "__init__.py"
VERSION = re.search(r'^__version__ = "(.+)"$', INIT.read_text(encoding="utf-8"), re.MULTILINE)

setup(
    name="health_etl",
    version=VERSION[1] if VERSION else None,
    description="Android Health Connect exports to validated records, clinical insights and training data",
    license_expression="Apache-2.0",
    license_files=["LICENSE"],
    packages=find_packages(include=["health_etl", "health_etl.*"]),
    package_data={"health_etl.report": ["templates/*"]},
    python_requires=">=3.11,<3.14",
    install_requires=[
        "backports.zstd>=1,<2",
        "cramjam>=2.11,<3",
        # dagster-aws and dagster-postgres 0.29.N each pin dagster 1.13.N
        "dagster~=1.13.27",
        "dagster-aws~=0.29.27",
        "dagster-postgres~=0.29.27",
        "dagster-webserver~=1.13.27",
        "fastavro[snappy,zstandard]>=1.13,<2",
        "jinja2>=3.1,<4",
        "matplotlib>=3.10,<4",
        "numpy>=2.1,<3",
        "obstore>=0.12,<0.13",
        "pandas>=3,<4",
        "pandera[pandas]>=0.35,<0.36",
        "pillow>=11",
        "pika>=1.4,<2",
        "pyarrow>=22",
        "pydantic-settings>=2.10,<3",
        "python-dotenv>=1,<2",
        "rich>=14",
        "typer>=0.20,<1",
        "tzdata",  # time zones where the system has none
        "urllib3>=2,<3",
    ],
    extras_require={
        "dev": [
            "boto3",  # the services tests make and empty buckets with it
            "dagster-dg-cli~=1.13.27",
            "dagster-graphql~=1.13.27",
            "datasets>=5.2,<6",  # loads the training files in a test, as their readers do
            "hypothesis>=6.140,<7",
            "import-linter>=2.10,<3",
            "jsonschema>=4,<5",  # holds training lines against their published schema
            "mypy>=2,<3",
            "pandas-stubs>=3,<4",
            "playwright>=1.60,<2",  # drives Debian's chromium; downloads no browser
            "pytest>=9,<10",
            "pytest-cov>=7,<8",
            "pytest-xdist>=3.8,<4",
            "ruff>=0.17,<0.18",
        ],
        # holds botocore back, so constraints.txt leaves it out: see benchmarks/store_clients.py
        "bench": ["s3fs"],
    },
    entry_points={
        "console_scripts": ["health-etl = health_etl.cli.app:app"],
        # Named in the URL of Dagster's database: ?plugin=kept_connections
        "sqlalchemy.plugins": ["kept_connections = health_etl.dagster_internals.kept_connections:KeptConnections"],
    },
)
