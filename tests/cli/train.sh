#!/bin/sh
# qatop train: float training from scratch, its progress, its .h5, and what Ctrl-C leaves.
. "$(dirname "$0")/tap.sh"

q train
refused 2 "needs --arch" "train without --arch is refused"
q train --arch fc -o fc.h5 --epochs 1
done_well "train --arch fc works"
check "one line an epoch is on standard error" \
    grep -qE '^Epoch 1/1 - 125 batches - [0-9.]+s - loss: [0-9.]+ - accuracy: [0-9.]+ - val_loss: [0-9.]+ - val_accuracy: [0-9.]+$' err
check "that is all there" test "$(wc -l <err)" -eq 1
check "it learns" awk '/accuracy: 0\.[89]/ { found = 1 } END { exit !found }' out
accuracy=$(sed -n 's/.*accuracy: //p' out)
q eval --json fc.h5
done_well "the file it wrote is a model"
check "which has the accuracy that was printed" near "$(key out accuracy)" "$accuracy" 0.00005
q train --arch fc -o quiet.h5 --epochs 1 --quiet --json
done_well "--quiet --json works"
check "--quiet leaves standard error empty" test ! -s err
check "--json is one line" test "$(wc -l <out)" -eq 1
check "the same seed gives the same file" cmp fc.h5 quiet.h5
q train --arch fc -o other.h5 --epochs 1 --quiet --seed 2
check "another seed gives another file" sh -c '! cmp -s fc.h5 other.h5'
q train --arch fc -o steps.h5 --steps 3 --json --quiet
check "--steps stops training" test "$(key out steps)" = 3
q train --arch cnn --steps 2 --quiet
done_well "train --arch cnn works"
check "its file is where the tutorial has it" test -s saved_model/mnist_cnn/model.h5

q train --arch fc -o steps.h5/below.h5 --steps 1
refused 1 "below.h5|steps.h5" "an output below a file is refused"
q train --arch fc -o saved_model --steps 1
refused 1 "saved_model: is a folder" "an output that is a folder is refused"

# A run that would last for minutes, interrupted as soon as it is known to train.
echo 'old content' >old.h5
# What nohup or a shell's background has made ignore a signal would wait for ever.
interrupted() { # SIGNAL STATUS
    default=
    env --default-signal="$1" true 2>/dev/null && default="env --default-signal=$1"
    rm -f old-s*.h5
    $default "$QATOP" train --arch fc -o old.h5 --epochs 10000 >out 2>err </dev/null &
    child=$!
    waited=0
    while ! grep -q '^Epoch 1/' err && [ $waited -lt 600 ] && kill -0 $child 2>/dev/null; do
        waited=$((waited + 1))
        sleep 0.1
    done
    kill -s "$1" $child
    wait $child
    status=$?
    check "SIG$1 ends it with $2" test $status -eq "$2"
    check "one line says so and names the file" \
        test "$(grep -cE '^qatop: old-s[0-9]+\.h5: interrupted' err)" -eq 1
    check "the file that was asked for is unchanged" test "$(cat old.h5)" = 'old content'
    q eval "$(ls old-s*.h5)"
    done_well "what was trained so far is a model"
}
interrupted TERM 143
interrupted HUP 129
finish
