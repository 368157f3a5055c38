#!/bin/sh
# Writes the database at DATABASE_URL to a file, while servers go on: backup.sh <file>. pg_dump must be as new as the server.
set -eu
pg_dump --format=custom --no-owner --no-privileges --file="$1.partial" "$DATABASE_URL"
pg_restore --list "$1.partial" >/dev/null
mv "$1.partial" "$1"
