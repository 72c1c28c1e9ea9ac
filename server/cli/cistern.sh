#!/bin/sh
# The program `cistern`: dist/cistern, made by scripts/build.mjs. May be linked to from a folder of the PATH.

# By itself glibc keeps more of what is freed the larger it was: sixty megabytes for good after a large first listing.
export MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_:-131072}"
exec node "$(dirname "$(readlink -f "$0")")/cistern.js" "$@"
