#!/bin/sh
# mutants.sh: changes the program one line at a time and expects a test to fail.
#   usage: mutants.sh LIST FOLDER [PATTERN]
# LIST holds the changes.  FOLDER/source is a copy of the sources (make distdir) in which they are
# made, so that the source tree itself is never touched.  PATTERN chooses the rows whose text it
# matches (awk).  $CC and $CFLAGS are for configure, $MAKE is make.
# Prints a line for each row.  Status 1: no test noticed a change, a change does not compile, its
# line is not there exactly once, or a test fails without any change.
set -u
if [ $# -lt 2 ]; then
    sed -n '3s/^# *//p' "$0" >&2
    exit 2
fi
list=$1 source=$2/source log=$2/mutants.log pattern=${3-}
make=${MAKE:-make} jobs=$(getconf _NPROCESSORS_ONLN)
limit=300          # seconds after which the tests of a row count as hanging
unset QATOP_SHARED # what the repository holds must be enough
unset MAKEFLAGS MFLAGS MAKELEVEL
between=$(printf '\037') # between the fields of a row: occurs in no source

# The chosen rows, one a line: number, file, line, replacement, tests; those of a file together, for
# it is compiled again when the next file's turn comes.
rows() {
    awk -v RS= -v FS='\n' -v OFS="$between" -v pattern="$pattern" '
        {
            split("", row)
            for (i = 1; i <= NF; i++) {
                if (!match($i, /^[a-z]+:/)) continue
                text = substr($i, RLENGTH + 1)
                sub(/^ +/, "", text)
                row[substr($i, 1, RLENGTH - 1)] = text
            }
            if (!("file" in row)) next
            number++
            if ($0 ~ pattern)
                print number, row["file"], row["line"], row["with"], row["tests"]
        }' "$list" | sort -s -t "$between" -k 2,2
}

# The file with one line replaced, whatever its indentation.  Status: how many lines matched.
replaced() { # FILE LINE REPLACEMENT
    LINE=$2 WITH=$3 awk '
        {
            text = $0
            sub(/^ +/, "", text)
            if (text == ENVIRON["LINE"]) {
                count++
                $0 = substr($0, 1, length($0) - length(text)) ENVIRON["WITH"]
            }
            print
        }
        END { exit count > 9 ? 9 : count + 0 }' "$1"
}

build() { # TEST...
    programs=$(printf '%s\n' "$@" | grep -v -e '\.sh$' -e check-includes)
    # shellcheck disable=SC2086
    "$make" -C "$source" -s -j "$jobs" qatop $programs >>"$log" 2>&1
}

check() { # SECONDS TEST...: without check_PROGRAMS, which would build all of them
    seconds=$1
    shift
    timeout -k 10 "$seconds" "$make" -C "$source" -j "$jobs" check-TESTS check_PROGRAMS= TESTS="$*" \
        >>"$log" 2>&1
}

# Makes one change and takes it back; $result tells what became of it.
try() { # FILE LINE REPLACEMENT TEST...
    target=$source/$1
    [ -f "$target" ] || { result='NO SUCH FILE' && return; }
    replaced "$target" "$2" "$3" >"$target.mutant"
    matches=$?
    shift 3
    if [ $matches -ne 1 ]; then
        rm -f "$target.mutant"
        result="LINE OCCURS $matches TIMES"
        return
    fi
    cp "$target" "$target.original" && mv "$target.mutant" "$target"
    if build "$@"; then
        check $limit "$@"
        case $? in
        0) result=SURVIVED ;;
        124 | 137) result='killed: it hangs' ;;
        *) result=killed ;;
        esac
    else
        result='DOES NOT COMPILE'
    fi
    mv "$target.original" "$target"
    touch "$target" # newer than the object of the change
}

: >"$log"
chosen=$(rows)
if [ -z "$chosen" ]; then
    echo "mutants: no row matches '$pattern'"
    exit 1
fi
tests=$(printf '%s\n' "$chosen" | cut -d "$between" -f 5 | tr ' ' '\n' | sort -u | tr '\n' ' ')
printf 'mutants: building, then the tests without a change\n'
# shellcheck disable=SC2086
if ! { (cd "$source" && ./configure CC="${CC:-cc}" CFLAGS="${CFLAGS:--g -O2}") >>"$log" 2>&1 &&
    "$make" -C "$source" -s -j "$jobs" >>"$log" 2>&1 && build $tests && check 3600 $tests; }; then
    sed -n '/^\(FAIL\|ERROR\|XPASS\): \|error:/p' "$log"
    echo "mutants: the tests do not pass without a change; see $log"
    exit 1
fi

format='%3s  %-30s  %-48s  %-16s %7s\n'
# shellcheck disable=SC2059
printf "$format" row file tests result seconds
count=0 killed=0
while IFS=$between read -r number file line with tests; do
    begin=$(date +%s)
    # shellcheck disable=SC2086
    try "$file" "$line" "$with" $tests
    short=$(echo "$tests" | sed 's,tests/,,g')
    # shellcheck disable=SC2059
    printf "$format" "$number" "$file" "$short" "$result" $(($(date +%s) - begin))
    count=$((count + 1))
    case $result in
    killed*) killed=$((killed + 1)) ;;
    *) printf '     line: %s\n     with: %s\n' "$line" "$with" ;;
    esac
done <<END
$chosen
END
echo "mutants: $killed of $count killed"
[ $killed -eq $count ]
