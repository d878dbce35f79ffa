# tap.sh: functions for the tests of the command line.  Source it; end with `finish`.
# TAP on standard output, a temporary folder to work in, and checks of what a call of qatop
# leaves: exit status, standard output, standard error, files.

count=0
failures=0
work=$(mktemp -d "${TMPDIR:-/tmp}/qatop-test.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
: "${QATOP:?set QATOP to the program to be tested}"
SHARED=${QATOP_SHARED-}
[ -n "$SHARED" ] && [ -d "$SHARED" ] && SHARED=$(cd "$SHARED" && pwd)
ASSETS=$(cd "${ASSETS:?set ASSETS to the assets folder}" && pwd)
cd "$work" || exit 99
unset NO_COLOR QATOP_ASSETS

# ok STATUS NAME: one test's result; what qatop printed is shown when it failed.
ok() {
    count=$((count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $count - $2"
        return 0
    fi
    failures=$((failures + 1))
    echo "not ok $count - $2"
    for stream in out err; do
        [ -s "$work/$stream" ] && sed "s/^/#   $stream: /" "$work/$stream" | head -20
    done
    return 1
}

# skip NAME REASON
skip() {
    count=$((count + 1))
    echo "ok $count - $1 # SKIP $2"
}

# check NAME COMMAND...: passes when COMMAND succeeds.
check() {
    name=$1
    shift
    "$@" >/dev/null 2>&1
    ok $? "$name"
}

# q ARGUMENT...: run qatop; its status is in $status, its output in ./out and ./err.
q() {
    "$QATOP" "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

# refused STATUS PATTERN NAME: the last call ended with STATUS, nothing on standard output and
# exactly one line on standard error that begins with "qatop: " and matches PATTERN (grep -E).
refused() {
    [ "$status" -eq "$1" ] && [ ! -s "$work/out" ] && [ "$(wc -l <"$work/err")" -eq 1 ] &&
        grep -q '^qatop: ' "$work/err" && grep -qE -- "$2" "$work/err"
    ok $? "$3" || echo "#   status $status, wanted $1 and /$2/"
}

# done_well NAME: the last call ended with 0 and wrote no error.
done_well() {
    [ "$status" -eq 0 ] && ! grep -q '^qatop: ' "$work/err"
    ok $? "$1" || echo "#   status $status"
}

# key FILE NAME: the number or text of a top-level key in a flat JSON object.
key() {
    sed 's/[{}]/,/g; s/, *"/\n"/g' "$1" | sed -n "s/^\"$2\": *\"\{0,1\}\([^\",]*\)\"\{0,1\}.*/\1/p" | head -1
}

# near A B TOLERANCE: |A - B| <= TOLERANCE, and all of them numbers.
near() {
    awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN {
        if (a !~ /^-?[0-9.]+([eE][-+]?[0-9]+)?$/) exit 1
        d = a - b; if (d < 0) d = -d; exit !(d <= t) }'
}

finish() {
    echo "1..$count"
    [ "$failures" -eq 0 ]
    exit $?
}
