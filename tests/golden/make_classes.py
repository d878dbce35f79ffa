#!/usr/bin/env python3
"""Ask Keras in which order it takes the pictures of class folders, and which class each belongs to.

    make_classes.py OUT

writes OUT/classes.txt: the number of classes and their names, a line each, the number of pictures and
a line for each, label and path, as image_dataset_from_directory lists them (shuffle=False), and then
the files that it passes over.  tests/data/test_classes.c makes empty files of these names.

Written with Keras 3.15.1.
"""

import os
import sys
import tempfile

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
os.environ['CUDA_VISIBLE_DEVICES'] = '-1'

from keras.src.utils import dataset_utils
from keras.src.utils.image_dataset_utils import ALLOWLIST_FORMATS

PATHS = ('cat/10.png', 'cat/2.png', 'cat/B.jpg', 'cat/a.JPEG', 'cat/a.gif', 'cat/Z.bmp',
         'cat/notes.txt', 'cat/Thumbs.db', 'cat/x.webp', 'cat/png', 'cat/x.png.txt',
         'cat/a-b/1.png', 'cat/a/b/1.png', 'cat/a/1.png', 'cat/a b/1.png', 'cat/a/0.jpg',
         '10/x.png', '2/x.png', 'Zebra/x.png', 'zebra/x.png', 'big dog/1.png', 'big-dog/1.png',
         'B\u00e4r/1.png', '\u732b/1.png', '\U0001f431/1.png', '\uff71/1.png', 'empty/readme.md',
         'top.png')


def main(out):
    with tempfile.TemporaryDirectory() as folder:
        for path in PATHS:
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            open(os.path.join(folder, path), 'w').close()
        files, labels, names = dataset_utils.index_directory(
            folder, 'inferred', ALLOWLIST_FORMATS, shuffle=False, verbose=False)
    files = [os.path.relpath(file, folder) for file in files]
    with open(os.path.join(out, 'classes.txt'), 'w', encoding='utf-8') as file:
        print(len(names), *names, sep='\n', file=file)
        print(len(files), *(f'{label} {path}' for label, path in zip(labels, files)), sep='\n',
              file=file)
        print(*(path for path in PATHS if path not in files), sep='\n', file=file)


main(sys.argv[1])
