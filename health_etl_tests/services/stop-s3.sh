#!/usr/bin/env bash
# Stop what start-s3.sh started. `stop-s3.sh gateway` stops the S3 gateway alone: the objects stay, and start-s3.sh
# brings it back. Without an argument everything stops and is removed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/s3-env.sh"

stop() {
  local id
  id=$(pid "$1") || return 0
  kill -TERM "$id"
  for _ in {1..100}; do
    pid "$1" >/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$id"
}

case ${1:-all} in
  gateway) stop radosgw ;;
  all)
    for program in radosgw ceph-osd ceph-mon; do stop "$program"; done
    rm -rf -- "$state"
    ;;
  *)
    echo "usage: stop-s3.sh [gateway]" >&2
    exit 2
    ;;
esac
