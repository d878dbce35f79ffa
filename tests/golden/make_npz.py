#!/usr/bin/env python3
"""Have NumPy write the archives that tests/data/test_npz.c and tests/fuzz/fuzz_npz.c read.

    make_npz.py GOLDEN CORPUS

GOLDEN/npz/types.npz     every element type in both byte orders and both memory orders, [2][3][4];
                         element i (in C order) is i * 7 % 24, less 12 in signed types, and divided
                         by 4 in floats; bool: i % 3 == 0
GOLDEN/npz/stored.npz    the same, not compressed, in versions 2.0 and 3.0 of the format
GOLDEN/npz/labels.npz    labels in all their forms: i * i % 5
GOLDEN/npz/refused.npz   what cannot be read: objects, text, structures, complex numbers, 5 axes
CORPUS/*                 a few of each as archives and as plain .npy files

Written with NumPy 2.4.6.
"""

import io
import os
import sys
import zipfile

import numpy as np

RAMP = np.arange(24).reshape(2, 3, 4) * 7 % 24
LABELS = np.arange(12) ** 2 % 5


def typed(dtype):
    kind = np.dtype(dtype).kind
    if kind == 'b':
        return np.arange(24).reshape(2, 3, 4) % 3 == 0
    values = RAMP - (0 if kind == 'u' else 12)
    return (values / 4 if kind == 'f' else values).astype(dtype)


def npy(array, version):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version)
    return out.getvalue()


def main(golden, corpus):
    folder = os.path.join(golden, 'npz')
    os.makedirs(folder, exist_ok=True)
    os.makedirs(corpus, exist_ok=True)
    types = {}
    for code in ('?', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8'):
        for order in '<>':
            array = typed(order + code if code != '?' else code)
            name = np.dtype(code).name + {'<': '_little', '>': '_big'}[order]
            types[name] = np.ascontiguousarray(array)
            types[name + '_fortran'] = np.asfortranarray(array)
    np.savez_compressed(os.path.join(folder, 'types.npz'), **types)

    with zipfile.ZipFile(os.path.join(folder, 'stored.npz'), 'w') as archive:
        archive.writestr('version2.npy', npy(typed('<f4'), (2, 0)))
        archive.writestr('version3.npy', npy(np.asfortranarray(typed('>i2')), (3, 0)))
        archive.writestr('notes.txt', 'no array')

    one_hot = np.eye(5)[LABELS]
    bad_row = one_hot.copy()
    bad_row[7] = [0, .5, .5, 0, 0]
    labels = dict(plain=LABELS.astype('u1'), column=LABELS.astype('<i8')[:, None],
                  floats=LABELS.astype('f8'), big=LABELS.astype('>u8'),
                  one_hot=one_hot.astype('f4'), one_hot_bool=np.asfortranarray(one_hot == 1),
                  one_hot_int=one_hot.astype('i4'), binary=(LABELS % 2).astype('f4')[:, None],
                  bad_row=bad_row, halves=LABELS / 2, cube=np.zeros((2, 2, 2)),
                  empty=np.zeros(0, 'u1'), scalar=np.int64(3),
                  huge=np.array([1, 2 ** 64 - 1], 'u8'), nan=np.array([0, np.nan], 'f4'))
    np.savez(os.path.join(folder, 'labels.npz'), **labels)

    refused = dict(objects=np.array([[1], [1, 2]], dtype=object), text=np.array(['cat', 'dog']),
                   bytes=np.array([b'cat', b'dog']), complex=np.zeros(2, 'c8'),
                   structure=np.zeros(2, dtype=[('a', 'u1'), ('b', 'f4')]),
                   date=np.zeros(2, 'M8[D]'), axes5=np.zeros((1, 1, 1, 1, 1), 'u1'),
                   infinite=np.array([[0, 1], [np.inf, 3]], 'f4'),
                   beyond=np.array([[0, 1e300]], 'f8'), no_images=np.zeros((0, 28, 28), 'u1'))
    np.savez(os.path.join(folder, 'refused.npz'), **refused)

    # Data sets of six 2x3 images.
    x = (np.arange(6 * 2 * 3) * 7 % 256).astype(np.uint8).reshape(6, 2, 3)
    y = np.array([0, 1, 2, 0, 1, 2])
    for name, arrays in (
            ('set', dict(x_train=x, y_train=y, x_test=x[:3], y_test=y[:3])),
            ('set_mixed', dict(x_train=(x / 255).astype(np.float32), y_train=y, x_test=x[:3],
                               y_test=y[:3])),
            ('set_whole', dict(x_train=x.astype(np.float64) / 4, y_train=np.eye(3)[y]))):
        np.savez_compressed(os.path.join(folder, name + '.npz'), **arrays)

    np.savez(os.path.join(corpus, 'stored'), x=types['uint8_little'], y=labels['plain'][:2])
    np.savez_compressed(os.path.join(corpus, 'deflated'), x=types['float64_big_fortran'],
                        y=labels['one_hot'][:2])
    for name in ('stored', 'deflated'):
        os.rename(os.path.join(corpus, name + '.npz'), os.path.join(corpus, name))
    for name, array, version in (('npy1', types['float16_big'], (1, 0)),
                                 ('npy2', types['int64_little_fortran'], (2, 0)),
                                 ('npy3', types['uint16_big_fortran'], (3, 0)),
                                 ('npy-one-hot', labels['one_hot_int'], (1, 0)),
                                 ('npy-structure', refused['structure'], (1, 0)),
                                 ('npy-text', refused['text'], (1, 0))):
        with open(os.path.join(corpus, name), 'wb') as file:
            file.write(npy(array, version))
    with open(os.path.join(corpus, 'npy-objects'), 'wb') as file:
        np.lib.format.write_array(file, refused['objects'], allow_pickle=True)


main(sys.argv[1], sys.argv[2])
