# What start-s3.sh and stop-s3.sh share; sourced, never run.
#
#   TEST_HEALTH_ETL_S3_PORT               S3 port on 127.0.0.1 (9100); the Ceph monitor takes the port after it
#   TEST_HEALTH_ETL_S3_ACCESS_KEY_ID      test
#   TEST_HEALTH_ETL_S3_SECRET_ACCESS_KEY  test-secret
# shellcheck shell=bash disable=SC2034

host=127.0.0.1
port=${TEST_HEALTH_ETL_S3_PORT:-9100}
monitor_port=$((port + 1))
access_key_id=${TEST_HEALTH_ETL_S3_ACCESS_KEY_ID:-test}
secret_access_key=${TEST_HEALTH_ETL_S3_SECRET_ACCESS_KEY:-test-secret}
state=${TMPDIR:-/tmp}/health-etl-s3-$UID-$port

# pid NAME: the process id of ceph-mon, ceph-osd or radosgw of this server; fails when it does not run.
# A file outlives its process, and the number may since belong to another program.
pid() {
  local id
  id=$(cat "$state/$1.pid" 2>/dev/null) && [[ -n $id ]] || return 1
  awk -v name="$1" '/^Name:/ {found = $2 == name} /^State:/ {dead = $2 == "Z"} END {exit !found || dead}' \
    "/proc/$id/status" 2>/dev/null || return 1
  echo "$id"
}
