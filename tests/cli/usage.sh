#!/bin/sh
# The command line: help, version, and every kind of usage error.
. "$(dirname "$0")/tap.sh"

q --version
check "--version prints program and version" grep -qE '^qatop [0-9]+\.[0-9]+\.[0-9]+$' out
done_well "--version succeeds"
q --help
done_well "--help succeeds"
check "--help goes to standard output" grep -q '^Usage: qatop \[OPTIONS\] \[MODEL\]' out
check "--help fits into 80 columns" awk 'length($0) > 79 { exit 1 }' out
for word in $(sed -n '/^Commands/,/^$/s/^  \([a-z]\{1,\}\) .*/\1/p' out); do
    q "$word" --help
    grep -q "^Usage: qatop $word " out
    ok $? "qatop $word --help shows its usage"
    check "qatop $word --help fits into 80 columns" awk 'length($0) > 79 { exit 1 }' out
done
for word in replay attach fetch; do
    q --help
    if grep -qE "^  $word( |$)" out; then
        ok 1 "$word is not listed before it exists"
    else
        ok 0 "$word is not listed before it exists"
    fi
    q $word x
    refused 2 "unknown command '$word'" "$word is refused as an unknown command"
done

wrong() { # PATTERN NAME ARGUMENT...
    pattern=$1
    name=$2
    shift 2
    q "$@"
    refused 2 "$pattern" "$name"
}
wrong "unknown command 'summray'; did you mean 'summary'" "a mistyped command is pointed out" summray
wrong "'frobnicate' is neither a command nor a model" "an unknown word is refused" frobnicate
wrong "unknown option --epocs; did you mean --epochs" "a mistyped option is pointed out" --epocs 3
wrong "^qatop: unknown option --bogus; see qatop --help$" "an unknown option is refused" --bogus=3
wrong "unknown option -Z" "an unknown letter is refused" -Z
wrong "option --s is ambiguous" "an ambiguous abbreviation is refused" --s 3
wrong "option --epochs requires a value" "a missing value is refused" run --epochs
wrong "option --json takes no value" "a value for a switch is refused" run --json=yes
wrong "option --epochs does not apply to eval" "an option of another command is refused" eval --epochs 2 fc
wrong "option --layers does not apply to the dashboard" "an option that the dashboard lacks is refused" --layers fc
wrong "extra operand 'cnn'" "a second model is refused" eval fc cnn
wrong "missing operand" "a missing operand is refused" eval
for value in 3x "" 0 -1 1e3 nan 99999999999999999999 " 3" 0x10; do
    wrong "epochs: must be a whole number between 1 and 10000, not '$value'$" "--epochs '$value' is refused" run --epochs "$value"
done
for value in nan inf -inf -0.1 1e40 0.1.2 0,1 "" x 1e999; do
    wrong "lr: must be a number between 1e-09 and 10, not '$value'$" "--lr '$value' is refused" run --lr "$value"
done
for value in -1 18446744073709551616 1.5 ""; do
    wrong "seed: must be a whole number between 0 and 18446744073709551615, not '$value'$" "--seed '$value' is refused" run --seed "$value"
done
wrong "must be a whole number between 2 and 8, not '9'" "--bits 9 is refused" run --bits 9
wrong "must be a whole number between 2 and 8, not '1'" "--bits 1 is refused" run --bits 1
wrong "must be qatop or tfmot, not 'tfmott'" "an unknown scheme is refused" run --scheme tfmott
wrong "must be float, int8 or uint8, not 'uint4'" "an unknown io is refused" run --io uint4
wrong "must be ref or xnn, not 'gpu'" "an unknown runtime is refused" run --runtime gpu
wrong "must be max, auto or a number .*, not 'slow'" "an unknown pace is refused" run --pace slow
wrong "must be max, .*, not '0'" "pace 0 is refused" run --pace 0
wrong "must be dark, .*, not 'pink'" "an unknown theme is refused" --theme pink
wrong "data: must not be empty" "an empty folder name is refused" run --data ""
finish
