#!/bin/sh
# The command line's grammar: help, version, and every kind of wrong usage.
. "$(dirname "$0")/tap.sh"

q --version
check "--version names program and version" grep -qE '^qatop [0-9]+\.[0-9]+\.[0-9]+$' out
done_well "--version succeeds"
q --help
done_well "--help succeeds"
check "--help stands on standard output" grep -q '^Usage: qatop \[OPTIONS\] \[MODEL\]' out
check "--help fits into 80 columns" awk 'length($0) > 79 { exit 1 }' out
for word in $(sed -n '/^Commands/,/^$/s/^  \([a-z]\{1,\}\) .*/\1/p' out); do
    q "$word" --help
    grep -q "^Usage: qatop $word " out
    ok $? "qatop $word --help tells its usage"
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
    refused 2 "$word: no such command" "$word is refused as an unknown command"
done

wrong() { # PATTERN NAME ARGUMENT...
    pattern=$1
    name=$2
    shift 2
    q "$@"
    refused 2 "$pattern" "$name"
}
wrong "summray.*did you mean summary" "a slip in a command is pointed out" summray
wrong "no such command or model" "an unknown word is refused" frobnicate
wrong "did you mean --epochs" "a slip in an option is pointed out" --epocs 3
wrong "no such option" "an unknown letter is refused" -Z
wrong "needs a value" "a missing value is refused" run --epochs
wrong "takes no value" "a value for a switch is refused" run --json=yes
wrong "is no option of" "an option of another command is refused" eval --epochs 2 fc
wrong "one operand too many" "a second model is refused" eval fc cnn
wrong "needs an operand" "a missing operand is refused" eval
for value in 3x "" 0 -1 1e3 nan 99999999999999999999 " 3" 0x10; do
    wrong "epochs: '$value' is not a whole number" "--epochs '$value' is refused" run --epochs "$value"
done
for value in nan inf -inf -0.1 1e40 0.1.2 0,1 "" x 1e999; do
    wrong "lr: '$value' is not a number" "--lr '$value' is refused" run --lr "$value"
done
for value in -1 18446744073709551616 1.5 ""; do
    wrong "seed: '$value' is not" "--seed '$value' is refused" run --seed "$value"
done
wrong "'9' is not a whole number from 2 to 8" "--bits 9 is refused" run --bits 9
wrong "'1' is not a whole number from 2 to 8" "--bits 1 is refused" run --bits 1
wrong "'tfmott' is not qatop or tfmot" "an unknown scheme is refused" run --scheme tfmott
wrong "'uint4' is not" "an unknown io is refused" run --io uint4
wrong "'gpu' is not ref or xnn" "an unknown runtime is refused" run --runtime gpu
wrong "'slow' is not max, auto or a number" "an unknown pace is refused" run --pace slow
wrong "'0' is not max" "pace 0 is refused" run --pace 0
wrong "'pink' is not one of: dark" "an unknown theme is refused" --theme pink
wrong "is not a name" "an empty folder name is refused" run --data ""
finish
