#!/bin/sh
# digits.sh: the first digits of the bundled data set as a data set of their own.
#   usage: digits.sh FOLDER TRAIN TEST      $ASSETS is the assets folder; counts below 65536
set -eu
folder=$1
mkdir -p "$folder"

# cut NAME COUNT HEADER-BYTES ITEM-BYTES: an IDX file has its count in bytes 4..7, big-endian.
cut_idx() {
    gunzip -c "$ASSETS/mnist-5k/$1.gz" >"$folder/whole"
    {
        head -c 4 "$folder/whole"
        # shellcheck disable=SC2059
        printf "$(printf '\\0\\0\\%03o\\%03o' $(($2 / 256)) $(($2 % 256)))"
        tail -c +9 "$folder/whole" | head -c $(($3 - 8 + $2 * $4))
    } >"$folder/$1"
    rm "$folder/whole"
}
cut_idx train-images-idx3-ubyte "$2" 16 784
cut_idx train-labels-idx1-ubyte "$2" 8 1
cut_idx t10k-images-idx3-ubyte "$3" 16 784
cut_idx t10k-labels-idx1-ubyte "$3" 8 1
