"""Settings come from the environment alone, are typed, and a wrong one is named with what is allowed."""

from __future__ import annotations

import os
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from health_etl.errors import SettingsError
from health_etl.settings import DEMO_PSEUDONYM_KEY, Settings, load, variable_names, zone_of


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any setting of ours or of AWS."""
    for name in list(os.environ):
        if name.upper().startswith(("HEALTH_ETL_", "AWS_")):
            monkeypatch.delenv(name)
    return monkeypatch


def test_without_any_setting_everything_has_a_default_that_needs_no_server() -> None:
    settings = load()
    assert settings.lake.startswith("file:///")
    assert settings.lake.endswith("/data/lake")
    assert settings.default_time_zone == "UTC"
    assert settings.app_priority == ()
    assert settings.start_date == date(2023, 1, 1)
    assert settings.concurrency == 16
    assert settings.s3_endpoint_url is None
    assert settings.uses_demo_key


def test_every_setting_is_read_from_its_variable(environment: pytest.MonkeyPatch) -> None:
    for name, value in {
        "LAKE": "s3://health-data/prefix/",
        "S3_ENDPOINT_URL": "http://localhost:9000/",
        "S3_ACCESS_KEY_ID": "access",
        "S3_SECRET_ACCESS_KEY": "secret",
        "S3_REGION": "eu-central-1",
        "PSEUDONYM_KEY": "sixteen letters!",
        "DEFAULT_TIME_ZONE": "America/Chicago",
        "APP_PRIORITY": "com.ring, com.watch ,",
        "START_DATE": "2024-02-29",
        "CONCURRENCY": "4",
    }.items():
        environment.setenv(f"HEALTH_ETL_{name}", value)
    settings = load()
    assert settings.lake == "s3://health-data/prefix"
    assert settings.s3_endpoint_url == "http://localhost:9000"
    assert settings.s3_access_key_id == "access"
    assert settings.s3_secret_access_key is not None
    assert settings.s3_secret_access_key.get_secret_value() == "secret"
    assert settings.s3_region == "eu-central-1"
    assert settings.pseudonym_key.get_secret_value() == "sixteen letters!"
    assert settings.app_priority == ("com.ring", "com.watch")
    assert (settings.start_date, settings.concurrency) == (date(2024, 2, 29), 4)
    assert not settings.uses_demo_key


def test_what_aws_programs_read_is_read_too_and_ours_wins(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_ENDPOINT_URL", "http://aws:1")
    environment.setenv("AWS_ACCESS_KEY_ID", "aws")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "aws secret")
    environment.setenv("AWS_REGION", "eu-west-1")
    assert (load().s3_endpoint_url, load().s3_access_key_id, load().s3_region) == ("http://aws:1", "aws", "eu-west-1")
    environment.setenv("HEALTH_ETL_S3_ENDPOINT_URL", "http://ours:2")
    assert load().s3_endpoint_url == "http://ours:2"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LAKE", "/data/lake"),
        ("LAKE", "s3://Health_Data"),
        ("LAKE", "http://bucket"),
        ("LAKE", "file://relative"),
        ("LAKE", "file:///"),
        ("LAKE", "file:///srv/a#1/lake"),
        ("LAKE", "file:///srv/a#"),
        ("LAKE", "file:///srv/lake?"),
        ("LAKE", "file:///srv/lake?version=1"),
        ("LAKE", "s3://health-data/a#1"),
        ("LAKE", "s3://user:hidden@health-data"),
        ("LAKE", "s3://health-data:9000/prefix"),
        ("LAKE", "s3:///prefix"),
        ("RUN_LOGS_BUCKET", "s3://health-runs"),
        ("RUN_LOGS_BUCKET", "health-runs/logs"),
        ("S3_ENDPOINT_URL", "localhost:9000"),
        ("S3_ENDPOINT_URL", "http://localhost:9000/bucket"),
        ("S3_ENDPOINT_URL", "http://user:hidden@localhost:9000"),
        ("S3_ENDPOINT_URL", "http://localhost:9000/?region=x"),
        ("RABBITMQ_URL", "http://guest:hidden@localhost:5672"),
        ("RABBITMQ_URL", "amqp:///vhost"),
        ("RABBITMQ_URL", "guest:hidden@localhost"),
        ("ALERT_WEBHOOK", "ftp://localhost/hidden"),
        ("ALERT_WEBHOOK", "localhost/hidden"),
        ("DAGSTER_POSTGRES_URL", "postgresql+psycopg2://dagster:hidden@localhost"),
        ("DAGSTER_POSTGRES_URL", "postgresql+psycopg2://localhost/dagster"),
        ("DAGSTER_POSTGRES_URL", "postgresql+asyncpg://dagster:hidden@localhost/dagster"),
        ("DAGSTER_POSTGRES_URL", "postgresql://dagster:hidden@localhost/dagster"),
        ("DAGSTER_POSTGRES_URL", "mysql://dagster:hidden@localhost/dagster"),
        ("PSEUDONYM_KEY", "fifteen letters"),
        ("DEFAULT_TIME_ZONE", "Chicago"),
        ("DEFAULT_TIME_ZONE", "-5"),
        ("DEFAULT_TIME_ZONE", "-25:00"),
        ("START_DATE", "yesterday"),
        ("CONCURRENCY", "0"),
        ("CONCURRENCY", "many"),
        ("QUALITY_THRESHOLD", "1.01"),
        ("QUALITY_THRESHOLD", "-0.1"),
        ("QUALITY_THRESHOLD", "nan"),
        ("QUALITY_WEIGHT_SCHEMA", "-0.3"),
        ("QUALITY_WEIGHT_TEMPORAL", "2"),
    ],
)
def test_an_unusable_value_is_named_with_what_is_allowed_and_not_repeated(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(f"HEALTH_ETL_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load()
    sentence = str(caught.value)
    assert sentence.startswith(f"HEALTH_ETL_{name} is not valid; expected: ")
    assert sentence.endswith(".")
    assert "hidden" not in sentence
    if name == "PSEUDONYM_KEY":
        assert value not in sentence


@pytest.mark.parametrize("value", ["file:///srv/a#1/lake", "file:///srv/lake?", "s3://health-data/a?b"])
def test_a_lake_with_a_sign_that_ends_the_path_of_a_url_is_refused_with_how_to_write_it(
    environment: pytest.MonkeyPatch, value: str
) -> None:
    environment.setenv("HEALTH_ETL_LAKE", value)
    with pytest.raises(SettingsError, match=r"with # written as %23 and \? as %3F"):
        load()


def test_the_servers_with_passwords_are_read_and_never_shown(environment: pytest.MonkeyPatch) -> None:
    urls = {
        "RABBITMQ_URL": "amqp://guest:hidden@127.0.0.1:5672/%2F",
        "ALERT_WEBHOOK": "https://chat.example.com/hooks/hidden?key=hidden",
        "DAGSTER_POSTGRES_URL": "postgresql+psycopg2://dagster:hidden%2F@127.0.0.1:5432/dagster",
    }
    for name, url in urls.items():
        environment.setenv(f"HEALTH_ETL_{name}", url)
    settings = load()
    found = [getattr(settings, name.lower()) for name in urls]
    assert [str(secret.get_secret_value()) for secret in found] == [
        urls["RABBITMQ_URL"],
        urls["ALERT_WEBHOOK"],
        urls["DAGSTER_POSTGRES_URL"],
    ]
    for shown in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert "hidden" not in shown


@pytest.mark.parametrize(
    "name", ["S3_ENDPOINT_URL", "DAGSTER_POSTGRES_URL", "RUN_LOGS_BUCKET", "RABBITMQ_URL", "S3_EVENTS", "ALERT_WEBHOOK"]
)
def test_an_empty_value_is_unset_where_a_setting_may_be_unset(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(f"HEALTH_ETL_{name}", "")
    assert getattr(load(), name.lower()) is None


@pytest.mark.parametrize("name", ["S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"])
def test_one_key_without_the_other_is_refused(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(f"HEALTH_ETL_{name}", "alone")
    with pytest.raises(SettingsError, match="go together: set both or neither"):
        load()


def test_quality_weights_that_do_not_add_up_to_one_are_refused_and_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HEALTH_ETL_QUALITY_WEIGHT_SCHEMA", "0.5")
    with pytest.raises(SettingsError) as caught:
        load()
    assert str(caught.value) == (
        "the quality weights add up to 1.2, not 1: HEALTH_ETL_QUALITY_WEIGHT_SCHEMA=0.5, "
        "HEALTH_ETL_QUALITY_WEIGHT_COMPLETENESS=0.3, HEALTH_ETL_QUALITY_WEIGHT_PHYSIOLOGICAL=0.2, "
        "HEALTH_ETL_QUALITY_WEIGHT_TEMPORAL=0.2."
    )


def test_quality_weights_that_add_up_but_for_rounding_are_taken(environment: pytest.MonkeyPatch) -> None:
    weights = {"SCHEMA": "0.1", "COMPLETENESS": "0.2", "PHYSIOLOGICAL": "0.3", "TEMPORAL": "0.4"}
    for part, weight in weights.items():
        environment.setenv(f"HEALTH_ETL_QUALITY_WEIGHT_{part}", weight)
    environment.setenv("HEALTH_ETL_QUALITY_THRESHOLD", "1")
    settings = load()
    assert (settings.quality_weight_schema, settings.quality_weight_temporal) == (0.1, 0.4)
    assert settings.quality_threshold == 1.0


def test_a_misspelt_setting_is_refused_with_the_one_that_is_near(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HEALTH_ETL_DEFAULT_TIMEZONE", "UTC")
    with pytest.raises(SettingsError, match=r"did you mean HEALTH_ETL_DEFAULT_TIME_ZONE\?"):
        load()


def test_variables_of_tests_are_no_settings(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TEST_HEALTH_ETL_ANYTHING", "1")
    assert load()


def test_secrets_do_not_show() -> None:
    settings = Settings.model_validate({"pseudonym_key": "sixteen letters!"})
    assert "sixteen" not in repr(settings)
    assert "sixteen" not in str(settings)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().lake = "s3://other"


def test_the_demo_key_is_known_as_such() -> None:
    assert Settings.model_validate({"pseudonym_key": DEMO_PSEUDONYM_KEY}).uses_demo_key


def test_every_setting_has_a_variable_and_a_description() -> None:
    assert len(variable_names()) == len(Settings.model_fields)
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("-05:00", -300),
        ("+05:30", 330),
        ("+00:00", 0),
        ("UTC", ZoneInfo("UTC")),
        ("America/Chicago", ZoneInfo("America/Chicago")),
    ],
)
def test_a_zone_is_a_fixed_offset_in_minutes_or_an_iana_zone(name: str, zone: ZoneInfo | int) -> None:
    assert zone_of(name) == zone


def test_an_empty_value_does_not_hide_the_one_under_the_other_name(environment: pytest.MonkeyPatch) -> None:
    for name in ("HEALTH_ETL_S3_ACCESS_KEY_ID", "HEALTH_ETL_S3_SECRET_ACCESS_KEY", "HEALTH_ETL_S3_REGION"):
        environment.setenv(name, "")
    environment.setenv("AWS_ACCESS_KEY_ID", "access")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    settings = load()
    assert settings.s3_access_key_id == "access"
    assert settings.s3_secret_access_key is not None
    assert settings.s3_region == "us-east-1"
