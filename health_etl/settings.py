"""Settings, read from the environment and typed. Nothing is read at import.

Each entry point, the command line and the code location, calls `load()` once and passes the result on.
"""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AliasChoices,
    AnyUrl,
    Field,
    HttpUrl,
    PostgresDsn,
    Secret,
    SecretStr,
    TypeAdapter,
    UrlConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from health_etl.errors import SettingsError

PREFIX = "HEALTH_ETL_"

# Public on purpose: everything runs out of the box, and `doctor` warns against sharing data made with it.
DEMO_PSEUDONYM_KEY = "health-etl-demo-key-not-secret"

_WEIGHT = "weight of {} in a file's quality score, from 0 to 1; the four weights must add up to 1"

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")

_FIXED_OFFSET = re.compile(r"^[+-](0\d|1[0-8]):[0-5]\d$")

_STORE = TypeAdapter[AnyUrl](Annotated[AnyUrl, UrlConstraints(allowed_schemes=["file", "s3"])])
_HTTP = TypeAdapter(HttpUrl)


def _store_url(value: str) -> str:
    """Return the URL of a folder or bucket without a trailing slash; the text itself, since S3 keys are not encoded."""
    value = value.strip()
    url = _STORE.validate_python(value)
    host, path = url.host or "", url.path or ""
    # Anything else, such as a password, a port, ? or #, would be dropped without a word when the path is read.
    is_plain = not {"?", "#"} & {*value} and str(url) == f"{url.scheme}://{host}{path}"
    is_plain = is_plain and value.startswith(f"{url.scheme}:") and value.isprintable()
    names_a_place = _names_a_bucket(host, value) if url.scheme == "s3" else not host and _names_a_folder(value)
    if not (is_plain and names_a_place):
        raise ValueError("not the URL of a folder or bucket")
    return value.rstrip("/")


def _names_a_bucket(host: str, url: str) -> bool:
    """Tell whether a bucket can have this name, and its objects this prefix."""
    prefix = urlsplit(url).path.removeprefix("/").rstrip("/")
    return _BUCKET_NAME.fullmatch(host) is not None and not (prefix and {"", ".", ".."} & {*prefix.split("/")})


def _names_a_folder(url: str) -> bool:
    """Tell whether a path can be read from a URL; raises ValueError where it is not UTF-8."""
    path = unquote(urlsplit(url).path, errors="strict")
    return bool(path.strip("/")) and "\0" not in path


def _server_url(value: str) -> str:
    """Return the URL of a server, which names scheme, host and port alone."""
    url = _HTTP.validate_python(value)
    if url != HttpUrl.build(scheme=url.scheme, host=url.host or "", port=url.port):
        raise ValueError("not the URL of a server")
    return value.rstrip("/")


def _database_url(url: PostgresDsn) -> PostgresDsn:
    """Return the URL; Dagster reads it from the environment as it is, so it must name the driver that is installed."""
    is_complete = all(host["username"] for host in url.hosts()) and re.fullmatch("/[^/]+", url.path or "")
    if url.scheme != "postgresql+psycopg2" or not is_complete:
        raise ValueError("not the URL of a database")
    return url


StoreUrl = Annotated[str, AfterValidator(_store_url)]
ServerUrl = Annotated[str, AfterValidator(_server_url)]
AmqpUrl = Annotated[AnyUrl, UrlConstraints(allowed_schemes=["amqp", "amqps"], host_required=True)]
PostgresUrl = Annotated[PostgresDsn, AfterValidator(_database_url)]


def project_root() -> Path:
    """Return the checkout that this package runs from, or the working folder when it is installed elsewhere."""
    checkout = Path(__file__).resolve().parents[1]
    return checkout if (checkout / "workspace.yaml").is_file() else Path.cwd()


def home_folder() -> Path:
    """Return DAGSTER_HOME, by default the project's own, which reads the top-level dagster.yaml."""
    return Path(os.environ.get("DAGSTER_HOME") or project_root() / "data" / "dagster_home")


def _default_lake() -> str:
    return (project_root() / "data" / "lake").as_uri()


class Settings(BaseSettings):
    """Every setting, with a default that needs no server. Environment names carry the prefix HEALTH_ETL_."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    lake: StoreUrl = Field(
        default_factory=_default_lake,
        description="URL of the lake: file:///folder, with # written as %23 and ? as %3F, or s3://bucket/prefix",
    )
    s3_endpoint_url: ServerUrl | None = Field(
        default=None,
        validation_alias=AliasChoices("HEALTH_ETL_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
        description="http(s)://host:port of the S3 server; unset means AWS",
    )
    s3_access_key_id: str | None = Field(
        default=None,
        validation_alias=AliasChoices("HEALTH_ETL_S3_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"),
        description="access key of the S3 server",
    )
    s3_secret_access_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("HEALTH_ETL_S3_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"),
        description="secret key of the S3 server",
    )
    s3_region: str = Field(
        default="us-east-1",
        validation_alias=AliasChoices("HEALTH_ETL_S3_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"),
        description="region name, such as us-east-1",
    )
    dagster_postgres_url: Secret[PostgresUrl] | None = Field(
        default=None,
        description="postgresql+psycopg2://user:password@host:port/database for Dagster's runs and events, "
        "on a stack with deploy/dagster.yaml",
    )
    run_logs_bucket: str | None = Field(
        default=None,
        pattern=f"^{_BUCKET_NAME.pattern}$",
        description="name of the bucket for the output of runs, on a stack with deploy/dagster.yaml",
    )
    pseudonym_key: SecretStr = Field(
        default=SecretStr(DEMO_PSEUDONYM_KEY),
        description="secret of at least 16 characters that turns user ids into subjects",
    )
    default_time_zone: str = Field(
        default="UTC",
        description="IANA zone such as America/Chicago, or an offset such as -05:00, "
        "for people whose records do not say where they were",
    )
    app_priority: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="source apps, most trusted first, comma separated package names",
    )
    start_date: date = Field(
        default=date(2023, 1, 1), description="first upload date, YYYY-MM-DD; earlier uploads are refused"
    )
    concurrency: int = Field(
        default=16, ge=1, le=256, description="objects fetched at the same time, a whole number from 1 to 256"
    )
    pictures_minimum_people: int = Field(
        default=5, ge=1, description="the fewest people that a picture in the UI may aggregate, a whole number from 1"
    )

    rabbitmq_url: Secret[AmqpUrl] | None = Field(
        default=None, description="amqp(s)://user:password@host:port/vhost of RabbitMQ; unset means no upload events"
    )
    s3_events: Literal["ceph", "minio"] | None = Field(
        default=None,
        description="ceph or minio: the S3 server that `health-etl setup` tells to send upload events to RabbitMQ",
    )
    alert_webhook: Secret[HttpUrl] | None = Field(
        default=None, description="http(s) URL that failures are posted to as JSON; unset means nowhere"
    )
    sensor_interval_seconds: int = Field(
        default=10, ge=1, le=3600, description="seconds between two listings of the bucket, from 1 to 3600"
    )
    sensor_look_back_days: int = Field(
        default=7, ge=0, le=366, description="upload dates before today that every listing covers, from 0 to 366"
    )
    full_sweep_minutes: int = Field(
        default=60, ge=1, le=10080, description="minutes between two listings of older upload dates, from 1 to 10080"
    )
    dates_per_run: int = Field(
        default=92,
        ge=1,
        le=3660,
        description="upload dates, or months of the journal, in one run of a backfill, a whole number from 1 to 3660",
    )
    run_retry_seconds: int = Field(
        default=60,
        ge=0,
        le=3600,
        description=(
            "seconds before a failed run is requested a second time, from 0 to 3600; "
            "the wait before the third is five times as long"
        ),
    )
    history_days: int = Field(
        default=90,
        ge=7,
        le=36600,
        description="days after which a run that ended, and that no partition's current state is from, is deleted from "
        "Dagster's history, from 7 to 36600",
    )

    quality_weight_schema: float = Field(default=0.3, ge=0, le=1, description=_WEIGHT.format("schema"))
    quality_weight_completeness: float = Field(default=0.3, ge=0, le=1, description=_WEIGHT.format("completeness"))
    quality_weight_physiological: float = Field(default=0.2, ge=0, le=1, description=_WEIGHT.format("physiology"))
    quality_weight_temporal: float = Field(default=0.2, ge=0, le=1, description=_WEIGHT.format("time"))
    quality_threshold: float = Field(
        default=0.7, ge=0, le=1, description="quality score from 0 to 1 below which a whole file is quarantined"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment and nothing else."""
        del settings_cls, dotenv_settings, file_secret_settings
        return init_settings, env_settings

    @field_validator("pseudonym_key")
    @classmethod
    def _key_is_long(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 16:
            raise ValueError("too short")
        return value

    @field_validator("default_time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        # available_timezones() would open every zone file there is.
        try:
            zone_of(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no such zone") from None
        return value

    @field_validator("app_priority", mode="before")
    @classmethod
    def _split_apps(cls, value: Any) -> Any:
        return tuple(app.strip() for app in value.split(",") if app.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _keys_come_together(self) -> Settings:
        if (self.s3_access_key_id is None) != (self.s3_secret_access_key is None):
            raise ValueError(
                f"{PREFIX}S3_ACCESS_KEY_ID and {PREFIX}S3_SECRET_ACCESS_KEY go together: set both or neither"
            )
        return self

    @model_validator(mode="after")
    def _weights_add_up(self) -> Settings:
        weights = {
            name: float(getattr(self, name)) for name in type(self).model_fields if name.startswith("quality_weight_")
        }
        if not math.isclose(math.fsum(weights.values()), 1.0, abs_tol=1e-9):
            listed = ", ".join(f"{PREFIX}{name.upper()}={weight:g}" for name, weight in weights.items())
            raise ValueError(f"the quality weights add up to {math.fsum(weights.values()):g}, not 1: {listed}")
        return self

    @property
    def uses_demo_key(self) -> bool:
        """Say whether subjects are made with the public demo key."""
        return self.pseudonym_key.get_secret_value() == DEMO_PSEUDONYM_KEY


def variable_names() -> list[str]:
    """Return the name of the environment variable of every setting."""
    return sorted(PREFIX + name.upper() for name in Settings.model_fields)


def load() -> Settings:
    """Read the settings from the environment.

    Raises SettingsError: one sentence that names the variable and what is allowed.
    """
    _refuse_unknown(os.environ)
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None


def zone_of(name: str) -> ZoneInfo | int:
    """Return the IANA zone, or the fixed offset in minutes, that a time-zone setting names."""
    if not _FIXED_OFFSET.match(name):
        return ZoneInfo(name)
    sign = -1 if name[0] == "-" else 1
    return sign * (int(name[1:3]) * 60 + int(name[4:6]))


def _refuse_unknown(environment: Iterable[str]) -> None:
    known = variable_names()
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}? The" if near else "the"
            raise SettingsError(f"{name} is not a setting; {hint} settings are {', '.join(known)}.")


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    if not first["loc"]:
        return first["msg"].removeprefix("Value error, ") + "."
    location = str(first["loc"][0])
    field = location.removeprefix(PREFIX).lower()
    info = Settings.model_fields.get(field)
    if info is None:  # an alias such as AWS_REGION
        return f"{location} is not valid: {first['msg']}."
    return f"{PREFIX}{field.upper()} is not valid; expected: {info.description}."
