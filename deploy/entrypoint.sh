#!/bin/sh
# Takes each CREDITBANK_…_FILE for a file that holds the value of CREDITBANK_…, as secrets are handed to containers.
set -eu
for name in $(env | sed -n 's/^\(CREDITBANK_[A-Z_]*\)_FILE=.*/\1/p'); do
    eval "file=\${${name}_FILE}"
    value=$(cat "$file")
    export "$name=$value"
    unset "${name}_FILE"
done
exec creditbank "$@"
