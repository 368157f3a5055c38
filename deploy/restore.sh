#!/bin/sh
# Fills the empty database at DATABASE_URL from such a file, or leaves it empty: restore.sh <file>. No server may use it yet.
set -eu
pg_restore --single-transaction --exit-on-error --no-owner --no-privileges --dbname="$DATABASE_URL" "$1"
