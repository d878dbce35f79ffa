#!/bin/sh
# levels.sh: the instruction set levels that a program can use on this machine, lowest first.
#   usage: levels.sh COMMAND...      $DIGITS is a small data set
# The program's record says which level it used: an unsupported one is replaced by the best.
set -u
work=$(mktemp -d "${TMPDIR:-/tmp}/qatop-levels.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
found=
for level in baseline avx2 avx512; do
    QATOP_ISA=$level "$@" run --quiet --steps 1 --batch 1 --data "$DIGITS" --out "$work/out" \
        --record "$work/record" >/dev/null </dev/null || exit 1
    taken=$(sed -n '1s/.*"isa":"\([^"]*\)".*/\1/p' "$work/record")
    [ "$taken" = "$level" ] && found="$found $level"
done
[ -n "$found" ] || exit 1
echo "${found# }"
