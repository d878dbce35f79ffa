#!/bin/sh
# Every kind of bad input: one line that says what is wrong, the right status, nothing on standard
# output, no partial file and no changed old one.
. "$(dirname "$0")/tap.sh"

# --- digits ---
good=$ASSETS/mnist-5k
mkdir plain
for part in train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1; do
    gzip -dc "$good/$part-ubyte.gz" >"plain/$part-ubyte"
done
q eval --data plain fc
done_well "plain IDX files are read"

fresh() { # a folder `data` of good files, one of which a test then spoils
    rm -rf data
    mkdir data
    ln -s "$work"/plain/* data/
    rm -f "data/$1"
}
images=t10k-images-idx3-ubyte
labels=t10k-labels-idx1-ubyte
bad_digits() { # NAME [PATTERN]
    q eval --data data fc
    refused 1 "${2:-t10k}" "$1 is refused"
}
fresh $images
bad_digits "a missing file"
fresh $images
: >data/$images
bad_digits "an empty file"
fresh $images
head -c 10 plain/$images >data/$images
bad_digits "a file that ends in its header"
fresh $images
head -c 783999 plain/$images >data/$images
bad_digits "a file that is cut off"
fresh $images
{ cat plain/$images && printf x; } >data/$images
bad_digits "a file that is too long"
fresh $images
{ printf '\000\000\010\001' && tail -c +5 plain/$images; } >data/$images
bad_digits "a file of labels in place of images"
fresh $images
{ printf '\000\000\015\003' && tail -c +5 plain/$images; } >data/$images
bad_digits "an IDX file of floats"
fresh $images
{ printf '\000\000\010\003\000\000\003\350\000\000\000\033\000\000\000\034' && tail -c +17 plain/$images; } >data/$images
bad_digits "images of 27x28"
fresh $images
{ printf '\000\000\010\003\377\377\377\377' && tail -c +9 plain/$images; } >data/$images
bad_digits "a count of 4294967295"
fresh $images
printf '\000\000\010\003\000\000\000\000\000\000\000\034\000\000\000\034' >data/$images
bad_digits "a file of no digits"
fresh $labels
{ printf '\000\000\010\001\000\000\003\347' && tail -c +10 plain/$labels; } >data/$labels
bad_digits "one label fewer than images"
fresh $labels
{ head -c 1007 plain/$labels && printf '\012'; } >data/$labels
bad_digits "a label of 10"
fresh $images
gzip -c plain/$images | head -c 50000 >data/$images.gz
bad_digits "a gzip file that is cut off"
fresh $images
{ cat plain/$images && printf x; } | gzip -c >data/$images.gz
bad_digits "a gzip file that holds too much"
fresh $images
echo 'not gzip at all' >data/$images.gz
bad_digits "a text named .gz"
fresh $images
mkdir data/$images
bad_digits "a folder in place of a file"
mkdir empty
q eval --data empty fc
refused 1 empty "an empty folder is refused"
q eval --data nowhere fc
refused 1 nowhere "a folder that does not exist is refused"

# --- Keras models ---
bad_model() { # NAME [PATTERN]
    q eval "$file"
    refused 1 "${2:-$file}" "$1 is refused"
}
h5=$ASSETS/models/mnist_fc.h5
file=missing.h5
bad_model "a model that does not exist" "missing.h5: .*No such file"
file=text.h5
echo 'no model' >$file
bad_model "a text named .h5"
file=empty.h5
: >$file
bad_model "an empty .h5"
file=folder.h5
mkdir $file
bad_model "a folder named .h5"
file=cut.h5
head -c 20000 "$h5" >$file
bad_model "an .h5 that is cut off"
spoil() { # FROM TO: same length, so that the HDF5 structure stays whole
    LC_ALL=C sed "s/$1/$2/g" "$h5" >$file
    cmp -s "$h5" $file && echo "# $1 does not occur in $h5: the test below is void"
}
file=config.h5
spoil '"class_name": "Sequential"' '"class_nome": "Sequential"'
bad_model "an .h5 without a class name"
file=shape.h5
spoil '"units": 128' '"units": 127'
bad_model "an .h5 whose weights have other shapes"
file=layer.h5
spoil '"class_name": "Dense"' '"class_name": "Danse"'
bad_model "a layer of an unknown class" "Danse"
file=activation.h5
spoil '"activation": "relu"' '"activation": "gelu"'
bad_model "an unknown activation" "gelu"
file=noweights.h5
spoil 'model_weights' 'model_weighty'
bad_model "an .h5 without weights"
file=noconfig.h5
spoil 'model_config' 'model_confit'
bad_model "an .h5 without a model"

# --- .tflite ---
file=text.tflite
echo 'no flatbuffer here, only text' >$file
bad_model "a text named .tflite"
file=empty.tflite
: >$file
bad_model "an empty .tflite"
file=root.tflite
printf '\377\377\377\177TFL3%1000s' '' >$file
bad_model "a root offset out of bounds"
file=table.tflite
printf '\010\000\000\000TFL3\377\377\377\377%1000s' '' >$file
bad_model "a table out of bounds"
int8=$SHARED/golden/fc/model_int8.tflite
if [ -f "$int8" ]; then
    size=$(wc -c <"$int8")
    for share in 2 3 10; do
        file=cut$share.tflite
        head -c $((size / share)) "$int8" >$file
        bad_model "a .tflite cut to 1/$share"
    done
else
    skip "a .tflite cut short" "no goldens in QATOP_SHARED"
fi

# --- where to write ---
# keeps NAME COMMAND...: a failing COMMAND leaves folder `target` with its one old file unchanged.
keeps() {
    name=$1
    shift
    rm -rf target
    mkdir target
    echo 'old content' >target/old
    (ulimit -f 8 && "$QATOP" "$@" >out 2>err </dev/null)
    status=$?
    refused 1 'old: .*(File too large|No space left|cannot write)' "$name is reported"
    [ "$(ls -A target)" = old ] && [ "$(cat target/old)" = 'old content' ]
    ok $? "$name leaves the old file and nothing else" || ls -la target | sed 's/^/#   /'
}
keeps "a full disk at eval --outputs" eval --outputs target/old fc
echo 'a file' >file
q eval --outputs file/below fc
refused 1 'file' "a folder that is a file is reported"
check "that file is unchanged" test "$(cat file)" = 'a file'
mkdir locked
chmod 555 locked
# Root writes wherever it likes, but not on a read-only mount.
if [ "$(id -u)" != 0 ] || mount --bind -o ro locked locked 2>/dev/null; then
    q eval --outputs locked/out fc
    umount locked 2>/dev/null
    refused 1 'locked.*(Read-only|Permission denied)' "a read-only folder is reported"
else
    skip "a read-only folder is reported" "root may write everywhere and cannot mount here"
fi
"$QATOP" eval --json fc >/dev/full 2>err
status=$?
: >out
refused 1 'standard output' "a full disk under standard output is reported"
"$QATOP" --help >/dev/full 2>err
status=$?
: >out
refused 1 'standard output' "a full disk under --help is reported"
finish
