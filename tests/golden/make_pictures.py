#!/usr/bin/env python3
"""Make small pictures of all kinds, and what TensorFlow decodes them to.

    make_pictures.py OUT

writes OUT/pictures/NAME.png and .jpg, and of each of them, as grey and as RGB, a line of
OUT/pictures/expected.txt,

    NAME channels width height offset

and height * width * channels bytes from `offset` on of OUT/pictures/expected.bin: what
tf.image.decode_image gives, but
  - what has alpha is laid on white, (c * a + 255 * (255 - a) + 127) // 255;
  - pictures with an orientation are turned as Pillow's ImageOps.exif_transpose does;
  - CMYK is made grey from the RGB that TensorFlow makes of it.

Written with tensorflow-cpu 2.21.0, Pillow 13.0.0 and NumPy 2.4.6.
"""

import io
import os
import struct
import sys
import zlib

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
os.environ['CUDA_VISIBLE_DEVICES'] = '-1'

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

WIDTH, HEIGHT = 19, 13
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6


def chunk(kind, data):
    return (struct.pack('>I', len(data)) + kind + data
            + struct.pack('>I', zlib.crc32(kind + data)))


def png(depth, color, rows, *chunks):
    data = b''.join(b'\0' + row for row in rows)
    head = struct.pack('>IIBBBBB', WIDTH, len(rows), depth, color, 0, 0, 0)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head)
            + b''.join(chunk(kind, value) for kind, value in chunks)
            + chunk(b'IDAT', zlib.compress(data, 9)) + chunk(b'IEND', b''))


def encode(array, form, mode=None, **options):
    out = io.BytesIO()
    Image.fromarray(array, mode).save(out, form, **options)
    return out.getvalue()


def exif(orientation, order='>'):
    """A TIFF block with a tag before the orientation and one after it."""
    mark = b'MM\0*' if order == '>' else b'II*\0'
    entries = b''.join(struct.pack(order + 'HHIHH', tag, 3, 1, value, 0)
                       for tag, value in ((0x0103, 6), (0x0112, orientation), (0x0128, 2)))
    return mark + struct.pack(order + 'IH', 8, 3) + entries + struct.pack(order + 'I', 0)


def pictures():
    rng = np.random.default_rng(20261127)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    smooth = np.stack([x * 13, y * 19, (x + y) * 8], axis=-1)
    rgb = np.clip(smooth + rng.integers(-20, 21, smooth.shape), 0, 255).astype('u1')
    rgb[0, :3] = np.eye(3) * 200
    grey = rgb[..., 1].copy()
    alpha = rng.integers(0, 256, grey.shape).astype('u1')
    alpha[0], alpha[1] = 0, 255
    deep = rng.integers(0, 65536, rgb.shape)
    palette = rng.integers(0, 256, (16, 3)).astype('u1')
    indices = rng.integers(0, 16, grey.shape).astype('u1')

    def bits(values, depth):
        """Rows of `depth` bits a value."""
        flat = (values[..., None] >> np.arange(depth - 1, -1, -1)) & 1
        return [row.tobytes() for row in np.packbits(flat.reshape(HEIGHT, -1), axis=1)]

    bytes_of = lambda array: [row.tobytes() for row in array]
    nibbles = bits(indices, 4)
    yield 'grey1.png', png(1, GREY, bits(grey >> 7, 1))
    yield 'grey2.png', png(2, GREY, bits(grey >> 6, 2))
    yield 'grey4.png', png(4, GREY, bits(grey >> 4, 4))
    yield 'grey8.png', png(8, GREY, bytes_of(grey))
    yield 'grey16.png', png(16, GREY, bytes_of(deep[..., 0].astype('>u2')))
    yield 'rgb8.png', png(8, RGB, bytes_of(rgb))
    yield 'rgb16.png', png(16, RGB, bytes_of(deep.astype('>u2')))
    yield 'rgb-gamma.png', png(8, RGB, bytes_of(rgb), (b'gAMA', struct.pack('>I', 45455)))
    yield 'palette.png', png(4, PALETTE, nibbles, (b'PLTE', palette.tobytes()))
    yield 'palette-alpha.png', png(4, PALETTE, nibbles, (b'PLTE', palette.tobytes()),
                                   (b'tRNS', bytes(range(0, 256, 17))))
    yield 'grey-key.png', png(8, GREY, bytes_of(grey), (b'tRNS', struct.pack('>H', grey[3, 3])))
    yield 'rgb-key.png', png(8, RGB, bytes_of(rgb), (b'tRNS', struct.pack('>HHH', *rgb[5, 5])))
    yield 'grey-alpha.png', png(8, GREY_ALPHA, bytes_of(np.stack([grey, alpha], axis=-1)))
    yield 'rgba.png', png(8, RGBA, bytes_of(np.dstack([rgb, alpha])))
    yield 'oriented.png', png(8, RGB, bytes_of(rgb), (b'eXIf', exif(6)))

    yield 'grey.jpg', encode(grey, 'JPEG', quality=85)
    for name, subsampling in (('444', 0), ('422', 1), ('420', 2)):
        yield f'{name}.jpg', encode(rgb, 'JPEG', quality=85, subsampling=subsampling)
    yield 'progressive.jpg', encode(rgb, 'JPEG', quality=85, progressive=True)
    yield 'restarts.jpg', encode(rgb, 'JPEG', quality=85, restart_marker_blocks=1)
    yield 'rgb.jpg', encode(rgb, 'JPEG', quality=85, keep_rgb=True)
    inks = np.dstack([255 - rgb, alpha // 3])
    yield 'cmyk.jpg', encode(inks, 'JPEG', 'CMYK', quality=85)
    plain = encode(inks, 'JPEG', 'CMYK', quality=85)
    at = plain.index(b'\xff\xee')
    size = struct.unpack('>H', plain[at + 2:at + 4])[0]
    yield 'cmyk-plain.jpg', plain[:at] + plain[at + 2 + size:]
    for orientation in range(1, 9):
        block = b'Exif\0\0' + exif(orientation, '<' if orientation % 2 else '>')
        yield f'oriented{orientation}.jpg', encode(rgb, 'JPEG', quality=85, exif=block)


def expect(name, data, channels):
    def decode(count):
        return tf.image.decode_image(data, channels=count, expand_animations=False).numpy()

    if name.startswith('cmyk') and channels == 1:
        wide = decode(3).astype(int)
        return ((wide @ [299, 587, 114] + 500) // 1000).astype('u1')[..., None]
    pixels = decode(channels)
    if 'alpha' in name or 'key' in name or name == 'rgba.png':
        alpha = decode(4)[..., 3:].astype(int)
        pixels = ((pixels * alpha + 255 * (255 - alpha) + 127) // 255).astype('u1')
    if 'oriented' in name:
        image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
        orientation = 6 if name.endswith('.png') else int(name[8])
        image.getexif()[0x0112] = orientation
        pixels = np.asarray(ImageOps.exif_transpose(image))
        pixels = pixels.reshape(*pixels.shape[:2], channels)
    return pixels


def main(out):
    folder = os.path.join(out, 'pictures')
    os.makedirs(folder, exist_ok=True)
    lines, values = [], b''
    for name, data in pictures():
        with open(os.path.join(folder, name), 'wb') as file:
            file.write(data)
        for channels in (1, 3):
            pixels = expect(name, data, channels)
            height, width, count = pixels.shape
            assert count == channels
            lines.append(f'{name} {channels} {width} {height} {len(values)}\n')
            values += pixels.tobytes()
    with open(os.path.join(folder, 'expected.txt'), 'w') as file:
        file.writelines(lines)
    with open(os.path.join(folder, 'expected.bin'), 'wb') as file:
        file.write(values)


main(sys.argv[1])
