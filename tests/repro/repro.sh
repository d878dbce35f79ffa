#!/bin/sh
# repro.sh: the same seed gives the same weights, the same file and the same outputs with any
# compiler, optimization, instruction set level, number of threads, and on arm64.
#   usage: repro.sh SOURCE FOLDER                    everything this machine can build, in FOLDER
#          repro.sh SOURCE FOLDER 'NAME=COMMAND'...  these programs; arm='qemu-aarch64 ./qatop'
# SOURCE is an unconfigured source tree with a configure script (make distdir).  A row is a program
# at one level with one number of threads, a column a digest over all models and schemes
# (digests.sh); every row is compared with the first.  Status 1: a row differs or failed.
# $REPRO_BUILDS are the builds to compare, $REPRO_THREADS the numbers of threads (1 2 3 16),
# $REPRO_MODELS the models to train, $REPRO_STEPS the number of batches (4).
set -u
if [ $# -lt 2 ]; then
    sed -n '4,5s/^# *//p' "$0" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$1" && pwd) || exit 1
mkdir -p "$2" && work=$(cd "$2" && pwd) || exit 1
shift 2
export ASSETS="$source/assets" DIGITS="$work/digits" STEPS="${REPRO_STEPS:-4}"
export SCHEMES='qatop tfmot' MODELS="${REPRO_MODELS-}"
all='gcc gcc-O0 gcc-O3 clang clang-O0 clang-O3 arm64-gcc arm64-clang'
builds=${REPRO_BUILDS-$all} threads_wanted=${REPRO_THREADS:-1 2 3 16}
jobs=$(getconf _NPROCESSORS_ONLN)
failures=0

tell() { # NAME TEXT: something that is not a row
    printf '%-18s %s\n' "$1" "$2"
}

fail() {
    tell "$@"
    failures=$((failures + 1))
}

# --- rows ---

digest() { # FILE WHAT
    grep " $2 " "$1" | sha256sum | cut -c1-8
}

row() { # NAME LEVEL THREADS COMMAND...
    name=$1 level=$2 threads=$3
    shift 3
    lines=$work/rows/$name-$level-$threads
    if ! QATOP_ISA=$level THREADS=$threads "$here/digests.sh" "$@" >"$lines" 2>"$lines.log"; then
        fail "$name" "FAILED at $level, $threads threads: $(tail -1 "$lines.log")"
        return
    fi
    [ -e "$work/first" ] || cp "$lines" "$work/first"
    verdict=equal
    if ! cmp -s "$lines" "$work/first"; then
        verdict=DIFFERS
        failures=$((failures + 1))
    fi
    printf '%-18s %-9s %7d  %s  %s  %s  %s  %s\n' "$name" "$level" "$threads" \
        "$(digest "$lines" weights)" "$(digest "$lines" export)" "$(digest "$lines" numbers)" \
        "$(digest "$lines" outputs)" "$verdict"
    [ $verdict = equal ] ||
        diff "$work/first" "$lines" | sed -n 's/^> \(.*\) [0-9a-f]*$/    differs: \1/p'
}

rows() { # NAME THREADS COMMAND...: at every level
    name=$1 counts=$2
    shift 2
    if ! levels=$("$here/levels.sh" "$@" 2>"$work/rows/$name-levels.log"); then
        fail "$name" "FAILED: $(tail -1 "$work/rows/$name-levels.log")"
        return
    fi
    for each_level in $levels; do
        for count in $counts; do row "$name" "$each_level" "$count" "$@"; done
    done
}

# --- builds ---

wanted() { # NAME
    case " $builds " in
    *" $1 "*) return 0 ;;
    esac
    return 1
}

build() { # NAME CONFIGURE-ARGUMENT...
    name=$1
    shift
    mkdir -p "$work/$name"
    (
        cd "$work/$name" || exit 1
        echo "$*" >arguments.new
        cmp -s arguments arguments.new ||
            { "$source/configure" --enable-werror "$@" && mv arguments.new arguments; } || exit 1
        make -j "$jobs"
    ) >"$work/$name.log" 2>&1
    status=$?
    [ $status -eq 0 ] || fail "$name" "FAILED to build; see $work/$name.log"
    return $status
}

native() {
    for name in gcc gcc-O0 gcc-O3 clang clang-O0 clang-O3; do
        wanted $name || continue
        compiler=${name%-*}
        case $name in
        *-*) flags="-g -${name#*-}" counts=3 ;;
        *) flags='-g -O2' counts=$threads_wanted ;;
        esac
        if ! command -v "$compiler" >/dev/null; then
            tell $name "left out: apt-get install $compiler"
            continue
        fi
        build "$name" --disable-tests CC="$compiler" CFLAGS="$flags" &&
            rows "$name" "$counts" "$work/$name/qatop"
    done
}

# The tests of the kernels, and others that depend on the machine, in the cross build.
emulated_tests() { # NAME EMULATOR...
    name=$1
    shift
    programs=$(cd "$source" && printf '%s\n' tests/base/test_simd.c tests/base/test_random.c \
        tests/kernel/test_*.c tests/engine/test_dot.c tests/quant/test_*.c | sed 's/\.c$//')
    # shellcheck disable=SC2086
    if ! make -C "$work/$name" -j "$jobs" $programs >"$work/$name.log" 2>&1; then
        fail "$name" "FAILED to build the tests; see $work/$name.log"
        return
    fi
    good=0
    for program in $programs; do
        if "$@" "$work/$name/$program" >"$work/rows/$name-tests.log" 2>&1; then
            good=$((good + 1))
        else
            fail "$name" "FAILED: $program"
            sed -n 's/^\(\[ *\(ERROR\|LINE\|FAILED\) *\].*\)/    \1/p' "$work/rows/$name-tests.log"
        fi
    done
    tell "$name" "$good test programs passed"
}

arm64() {
    missing=
    command -v aarch64-linux-gnu-gcc >/dev/null || missing="$missing gcc-aarch64-linux-gnu"
    command -v qemu-aarch64 >/dev/null || missing="$missing qemu-user"
    if [ -n "$missing" ]; then
        tell arm64 "left out: apt-get install$missing"
        return
    fi
    sysroot=$work/arm64-sysroot
    if ! "$here/arm64.sh" "$sysroot"; then
        tell arm64 "left out: Debian's arm64 packages cannot be downloaded; see $sysroot.apt/log"
        return
    fi
    export PKG_CONFIG_SYSROOT_DIR="$sysroot"
    export PKG_CONFIG_LIBDIR="$sysroot/usr/lib/aarch64-linux-gnu/pkgconfig"
    host=$("$source/build-aux/config.guess")
    wanted arm64-gcc && emulated arm64-gcc "aarch64-linux-gnu-gcc --sysroot=$sysroot"
    wanted arm64-clang || return
    if command -v clang >/dev/null; then
        emulated arm64-clang "clang --target=aarch64-linux-gnu --sysroot=$sysroot"
    else
        tell arm64-clang 'left out: apt-get install clang'
    fi
}

emulated() { # NAME COMPILER
    build "$1" --build="$host" --host=aarch64-linux-gnu CC="$2" CFLAGS='-g -O2' || return
    rows "$1" "$threads_wanted" qemu-aarch64 -L "$sysroot" "$work/$1/qatop"
    # A CPU with only what every arm64 machine has.
    rows "$1-a53" 3 qemu-aarch64 -cpu cortex-a53 -L "$sysroot" "$work/$1/qatop"
    emulated_tests "$1" qemu-aarch64 -L "$sysroot"
}

rm -rf "$work/rows" "$work/first"
mkdir -p "$work/rows"
"$here/digits.sh" "$DIGITS" 64 32 || exit 1
if [ -z "$MODELS" ]; then
    MODELS='fc cnn'
    golden=${QATOP_SHARED-}/golden/cnn_bn/model.h5
    if [ -e "$golden" ]; then
        cp "$golden" "$work/cnn_bn.h5"
        MODELS="$MODELS $work/cnn_bn.h5"
    else
        tell cnn_bn "left out: $golden is missing"
    fi
fi
printf '%-18s %-9s %7s  %-8s  %-8s  %-8s  %-8s\n' build level threads weights export numbers outputs
if [ $# -eq 0 ]; then
    native
    case " $builds " in
    *' arm64-'*) arm64 ;;
    esac
else
    # shellcheck disable=SC2086
    for program in "$@"; do rows "${program%%=*}" "$threads_wanted" ${program#*=}; done
fi
if [ ! -s "$work/first" ]; then
    fail repro "nothing was compared"
fi
if [ "$failures" -eq 0 ]; then
    tell repro "all rows are equal"
else
    tell repro "failures: $failures"
fi
[ "$failures" -eq 0 ]
