#!/usr/bin/env bash
# The main job as it runs live: one process receives (here: replays a recording)
# and publishes samples, another one listens, detects and gives the verdict.
set -euo pipefail
cd "$(dirname "$0")/.."

recording=${1:-recordings/starlink_parked_2m4.sigmf-meta}
folder=$(mktemp -d)
endpoint="ipc://$folder/iq"

.venv/bin/sdr-detect capture --source "file://$recording?pace=0" \
  --publish "$endpoint" --wait-subscriber &
capture=$!
trap 'kill "$capture" 2>/dev/null || true; rm -rf "$folder"' EXIT

.venv/bin/sdr-detect monitor --subscribe "$endpoint" --plots out/demo
wait "$capture"
