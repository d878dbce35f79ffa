#!/bin/sh
# qatop export to C source: what a compiler makes of it holds the bytes of the .tflite, aligned,
# and the constants that its input and output have.
. "$(dirname "$0")/tap.sh"
CC=${CC:-cc}
$CC --version >/dev/null 2>&1 || CC=
CXX=
for compiler in g++ clang++; do
    [ -n "$CXX" ] || ! $compiler --version >/dev/null 2>&1 || CXX=$compiler
done

q ptq --quiet --calibrate 50 --io int8 -o first.tflite fc
done_well "there is a model to begin with"
q ptq --quiet --calibrate 50 -o float.tflite fc
q run --quiet --steps 5 --out run fc
q export run -o run.tflite --io uint8

# program NAME INCLUDE: prints the constants and the address, and writes the bytes to NAME.bytes.
program() {
    upper=$(echo "$1" | tr a-z A-Z)
    cat <<EOF
#include <stdint.h>
#include <stdio.h>
#include "$2"
int main(void) {
    FILE *file = fopen("$1.bytes", "wb");
    fwrite($1_data, 1, sizeof $1_data, file);
#ifdef ${upper}_INPUT_SCALE
    printf("%d %.9g %d %.9g %d\n", (int)((uintptr_t)$1_data % 16), (double)${upper}_INPUT_SCALE,
           ${upper}_INPUT_ZERO_POINT, (double)${upper}_OUTPUT_SCALE, ${upper}_OUTPUT_ZERO_POINT);
#else
    printf("%d float\n", (int)((uintptr_t)$1_data % 16));
#endif
    return fclose(file) || ${upper}_LENGTH != sizeof $1_data || ${upper}_INPUT_COUNT != 784 ||
           ${upper}_OUTPUT_COUNT != 10;
}
EOF
}

# compiled NAME TFLITE CONSTANTS SOURCES...
compiled() {
    array=$1
    tflite=$2
    wanted=$3
    shift 3
    if [ -z "$CC" ]; then
        skip "$array compiles to the bytes of $tflite" "there is no compiler"
        return
    fi
    program "$array" "$array.h" >main.c
    # shellcheck disable=SC2086 # CC may be "ccache gcc"
    $CC -std=c11 -Wall -Wextra -Wpedantic -Werror -o main main.c "$@" >out 2>err && ./main >told
    ok $? "$array compiles without a warning"
    check "$array: the array holds the bytes of $tflite" cmp "$array.bytes" "$tflite"
    check "$array: aligned to 16 bytes, and the constants are the tensors'" \
        test "$(cat told)" = "$wanted"
}

q export first.tflite -o model_int8.h
done_well "a .tflite is written as a header"
check "the file is named with its accuracy" \
    grep -qE '^model_int8.h: a model of [0-9]+ bytes, accuracy 0\.9[0-9]{3} on 1000 digits$' out
compiled model_int8 first.tflite "0 0.00392156886 -128 0.00390625 -128"
q export float.tflite -o floats.h
compiled floats float.tflite "0 float"
cp model_int8.h before.h
q export first.tflite -o model_int8.h
check "the same model gives the same text" cmp before.h model_int8.h

q export run -o digits.c --io uint8 --json
done_well "a run is written as a pair"
check "--json has the bytes" test "$(key out bytes)" -eq "$(wc -c <run.tflite)"
if command -v sha256sum >/dev/null; then
    check "and the digest of the .tflite" \
        test "$(key out sha256)" = "$(sha256sum run.tflite | cut -c1-64)"
else
    skip "and the digest of the .tflite" "sha256sum is absent"
fi
compiled digits run.tflite "0 0.00392156886 0 0.00390625 0" digits.c

# Every form of every input and output, twice.
for io in float int8 uint8; do
    case $io in
    float) wanted="0 float" ;;
    int8) wanted="0 0.00392156886 -128 0.00390625 -128" ;;
    uint8) wanted="0 0.00392156886 0 0.00390625 0" ;;
    esac
    q export run --io $io -o "$io.tflite"
    q export run --io $io -o "in_$io.h"
    q export run --io $io -o "pair_$io.c"
    compiled "in_$io" "$io.tflite" "$wanted"
    compiled "pair_$io" "$io.tflite" "$wanted" "pair_$io.c"
done
mkdir again
for file in float.tflite int8.tflite uint8.tflite in_float.h in_int8.h in_uint8.h pair_float.c \
    pair_int8.c pair_uint8.c; do
    io=$(echo "${file%.*}" | sed 's/.*_//')
    q export run --io "$io" -o "again/$file"
    check "$file: the same weights give the same bytes" cmp "$file" "again/$file"
done
check "pair_int8.h: as well" cmp pair_int8.h again/pair_int8.h
q export run -o weights.h5
sleep 1 # a time in the file would have moved on
q export run -o again/weights.h5
check "weights.h5: the same weights give the same bytes" cmp weights.h5 again/weights.h5

if [ -n "$CC" ] && [ -n "$CXX" ]; then
    cat >both.cc <<'EOF'
#include "in_int8.h"
#include "pair_uint8.h"
static_assert(sizeof in_int8_data == IN_INT8_LENGTH, "");
static_assert(IN_INT8_INPUT_ZERO_POINT == -128 && PAIR_UINT8_INPUT_ZERO_POINT == 0, "");
int main() { return in_int8_data[4] != 'T' || pair_uint8_data[4] != 'T'; }
EOF
    $CXX -std=c++11 -Wall -Wextra -Wpedantic -Werror -o both both.cc -x c++ pair_uint8.c >out 2>err &&
        ./both
    ok $? "both forms compile as C++11 without a warning, and link"
    # shellcheck disable=SC2086 # CC may be "ccache gcc"
    $CC -std=c11 -c -o pair.o pair_uint8.c >out 2>err &&
        $CXX -std=c++11 -Wall -Wextra -Werror -o both both.cc pair.o >>out 2>>err && ./both
    ok $? "a .c that C compiled links with C++"
else
    skip "both forms compile as C++11 without a warning, and link" "there is no C++ compiler"
    skip "a .c that C compiled links with C++" "there is no C++ compiler"
fi
q export first.tflite --io uint8 -o x.h
refused 2 "io: a .tflite keeps the input and output it has" "--io cannot change a .tflite"
q export run --io int8 -o x.h5
refused 2 "io: a Keras model takes and gives floats" "nor what a Keras model takes"

q export first.tflite -o "7 of-spades.h"
done_well "any file name becomes an identifier"
check "which C allows" grep -q 'unsigned char model_7_of_spades_data\[' "7 of-spades.h"
q export first.tflite -o 'a"b.c'
refused 2 'a"b.c: C cannot include' "but not one that #include cannot hold"
q export first.tflite -o again.tflite
refused 2 "again.tflite: the name must end in .c or .h" "a .tflite is not copied"
q export missing.tflite -o x.h
refused 1 "missing.tflite: .*No such file" "a model that is not there is named"
head -c 500 first.tflite >cut.tflite
q export cut.tflite -o x.h
refused 1 "cut.tflite: " "a damaged model is refused"
check "no file is left by a refusal" test ! -e x.h
finish
