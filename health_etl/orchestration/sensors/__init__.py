"""Sensors: what Dagster does by itself. planning/ decides; sensors look, and request runs."""

import dagster as dg

from health_etl.lake.manifest_cache import ManifestCache
from health_etl.orchestration.sensors.alerts import alert_sensor
from health_etl.orchestration.sensors.bucket import bucket_sensors
from health_etl.orchestration.sensors.follow_up import follow_up_sensor
from health_etl.orchestration.sensors.pending_requests import PendingRequests
from health_etl.orchestration.sensors.queue import queue_sensor
from health_etl.settings import Settings


def sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """Return every sensor; they share the manifests already read and the requests already made."""
    cache, pending = ManifestCache(), PendingRequests()
    return [
        *bucket_sensors(settings, cache, pending=pending),
        queue_sensor(settings, cache, pending=pending),
        follow_up_sensor(cache),
        alert_sensor(settings),
    ]
