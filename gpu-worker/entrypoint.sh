#!/bin/sh
# RunPod's volumes belong to root, while the worker, which reads strangers' files, shall not be root.
set -eu
if [ "$(id -u)" = 0 ]; then
  # Where the volume refuses, the worker says so when it cannot write.
  mkdir -p "$MODEL_DIR" && chown 1000:1000 "$MODEL_DIR" || true
  export HOME=/home/worker
  exec setpriv --reuid=1000 --regid=1000 --clear-groups --no-new-privs "$@"
fi
exec "$@"
