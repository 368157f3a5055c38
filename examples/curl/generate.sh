#!/usr/bin/env bash
# bash curl/generate.sh <portrait> <recording> <video.mp4>, with AVATAR_BASE_URL and AVATAR_API_KEY; needs curl 7.76 or newer.
set -euo pipefail
if [ $# -ne 3 ]; then
  echo "Usage: bash generate.sh <portrait> <recording> <video.mp4>" >&2
  exit 2
fi
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# field NAME: what the API's latest answer has under this name.
field() { grep -oE "\"$1\":(\"([^\"\\]|\\\\.)*\"|[0-9.]+)" "$answer" | head -1 | cut -d: -f2- | tr -d '"'; }

complain() {
  echo "$(field detail) $(field hint) ($(field code))" >&2
  exit 1
}

# ask PATH OPTIONS...: sends a request, and again where that may help. The key is in no command line, which others can see.
ask() {
  curl -sS --fail-with-body --retry 5 -o "$answer" "$AVATAR_BASE_URL$1" "${@:2}" \
    -H @<(echo "Authorization: Bearer $AVATAR_API_KEY") || complain
}

echo "Sending $1 and $2"
# Sent twice with the same Idempotency-Key, it is one job and one bill all the same.
ask /v1/jobs -F "image=@$1" -F "audio=@$2" -H "Idempotency-Key: $(date +%s)-$$-$RANDOM$RANDOM"
id=$(field id)

until [ "$(field status)" = succeeded ]; do
  echo "Job $id: $(field status) $(field progress || true)"
  case $(field status) in failed | canceled | expired) complain ;; esac
  ask "/v1/jobs/$id?wait=30&after=$(field version)" # is answered when the job changes
done

ask "/v1/jobs/$id/result"
curl -sS --fail-with-body --retry 5 -o "$3" "$(field url)" # a signed link, which needs no key
echo "Saved $3"
