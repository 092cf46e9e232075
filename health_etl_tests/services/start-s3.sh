#!/usr/bin/env bash
# Start a throw-away S3 server on loopback: one Ceph monitor, one store in memory and the S3 gateway, without systemd
# or root. Prints the settings that reach it. Running it again starts only what is missing; settings are in s3-env.sh.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/s3-env.sh"

fail() {
  echo "start-s3: $1" >&2
  [[ -f $state/setup.log ]] && tail -n 5 "$state/setup.log" >&2
  exit 1
}

answers() {
  local status=
  { exec 3<>"/dev/tcp/$host/$port"; } 2>/dev/null || return 1
  printf 'GET / HTTP/1.0\r\nHost: %s\r\n\r\n' "$host" >&3
  read -r -t 2 status <&3 || true
  exec 3<&-
  [[ $status == HTTP/1.?\ 200* || $status == HTTP/1.?\ 403* ]]
}

write_config() {
  cat >"$state/ceph.conf" <<CONF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon_host = [v2:$host:$monitor_port/0]
public_addr = $host
cluster_addr = $host
ms_bind_msgr1 = false
# no keys inside the cluster, and so no encryption: the gateway's default, secure, would wait forever
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_client_mode = crc
ms_mon_cluster_mode = crc
ms_mon_service_mode = crc
keyring = $state/keyring
run_dir = $state
log_file = $state/\$name.log
mon_cluster_log_file = $state/cluster.log
crash_dir = $state
admin_socket =
# one copy of everything, in memory
mon_data = $state/mon
osd_data = $state/osd
osd_objectstore = memstore
memstore_device_bytes = 4294967296
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
osd_class_update_on_start = false
# a gateway that was stopped is soon forgotten; else the next change of a bucket waits 27 seconds for it
osd_client_watch_timeout = 2
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
# the monitor decides at once: the gateway makes its pools in 1 second, not 9
paxos_propose_interval = 0.05

[client]
rgw_data = $state/rgw
# without nodelay every read waits 40 ms for an acknowledgement
rgw_frontends = beast endpoint=$host:$port tcp_nodelay=1
rgw_rados_pool_pg_num_min = 4
rgw_thread_pool_size = 64
rgw_override_bucket_index_max_shards = 1
rgw_dynamic_resharding = false
# or it would take no address of a broker that holds a password, not even on loopback
rgw_trust_forwarded_https = true
rgw_run_sync_thread = false
rgw_exit_timeout_secs = 2
CONF
}

# quietly COMMAND…: its output goes to the log, the lock stays with this script
quietly() { timeout 90 "$@" 9>&- >>"$state/setup.log" 2>&1 || fail "$1 failed"; }

make_cluster() {
  local fsid store_id release
  write_config
  : >"$state/keyring"
  mkdir -p "$state/osd" "$state/rgw"
  fsid=$(sed -n 's/^fsid = //p' "$state/ceph.conf")
  store_id=$(cat /proc/sys/kernel/random/uuid)
  release=$(ceph-mon --version | awk '{print $5}')
  quietly monmaptool --create --fsid "$fsid" --set-min-mon-release "$release" \
    --addv a "[v2:$host:$monitor_port/0]" "$state/monmap"
  quietly ceph-mon --mkfs -i a --monmap "$state/monmap"
  quietly ceph-mon -i a --pid-file "$state/ceph-mon.pid"
  quietly ceph osd new "$store_id" 0
  quietly ceph-osd -i 0 --mkfs --osd-uuid "$store_id"
  quietly ceph-osd -i 0 --pid-file "$state/ceph-osd.pid"
  quietly radosgw-admin user create --uid=test --display-name=test --max-buckets=100000 \
    --access-key="$access_key_id" --secret-key="$secret_access_key"
  cat >"$state/settings" <<SETTINGS
HEALTH_ETL_S3_ENDPOINT_URL=http://$host:$port
HEALTH_ETL_S3_ACCESS_KEY_ID=$access_key_id
HEALTH_ETL_S3_SECRET_ACCESS_KEY=$secret_access_key
HEALTH_ETL_S3_REGION=us-east-1
SETTINGS
}

start_gateway() {
  quietly radosgw -n client.rgw --pid-file "$state/radosgw.pid"
  for _ in {1..300}; do
    answers && return
    sleep 0.1
  done
  fail "no answer on http://$host:$port within 30 seconds"
}

for program in ceph ceph-mon ceph-osd monmaptool radosgw radosgw-admin; do
  command -v "$program" >/dev/null ||
    fail "$program is missing; on Debian: apt install radosgw ceph-mon ceph-osd ceph-common"
done

exec 9>"$state.lock"
flock 9 # a second caller waits for the first
export CEPH_CONF=$state/ceph.conf

if ! pid radosgw >/dev/null && answers; then
  fail "another program listens on port $port; choose one with TEST_HEALTH_ETL_S3_PORT"
fi
if ! [[ -f $state/settings ]] || ! pid ceph-mon >/dev/null || ! pid ceph-osd >/dev/null; then
  # A cluster that was interrupted while being made, or lost its store, does not come back.
  "$(dirname "${BASH_SOURCE[0]}")/stop-s3.sh"
  mkdir -m 700 "$state"
  make_cluster
fi
pid radosgw >/dev/null || start_gateway

cat "$state/settings"
