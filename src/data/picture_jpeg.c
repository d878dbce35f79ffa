#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "data/picture_codec.h"

#define EXIF_MARKER (JPEG_APP0 + 1)
#define EXIF_HEAD   6 /* "Exif", 0, 0 */

/* All that must survive a longjmp lives here. */
struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    struct picture *picture;
    unsigned char *inks; /* a row of a CMYK picture */
    int orientation;
    bool has_ended, is_short_of_memory;
    char trouble[JMSG_LENGTH_MAX];
};

static struct decoder *of(j_common_ptr jpeg) {
    return jpeg->client_data;
}

/* What goes wrong after the end was made up for has its cause there. */
static void stop(struct decoder *decoder, const char *trouble) {
    if (decoder->has_ended) trouble = "the file is cut short";
    snprintf(decoder->trouble, sizeof decoder->trouble, "%s", trouble);
    longjmp(decoder->escape, 1);
}

static void on_error(j_common_ptr jpeg) {
    char text[JMSG_LENGTH_MAX];
    of(jpeg)->is_short_of_memory = jpeg->err->msg_code == JERR_OUT_OF_MEMORY;
    jpeg->err->format_message(jpeg, text);
    stop(of(jpeg), text);
}

/* libjpeg would go on with grey for what is missing.  What harms no pixel is let pass. */
static void on_message(j_common_ptr jpeg, int level) {
    char text[JMSG_LENGTH_MAX];
    if (level >= 0) return;
    switch (jpeg->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
        return;
    default:
        jpeg->err->format_message(jpeg, text);
        stop(of(jpeg), text);
    }
}

static void ignore(j_decompress_ptr jpeg) {
    (void)jpeg;
}

/* Some cameras leave out the marker at the end. */
static boolean on_end(j_decompress_ptr jpeg) {
    static const JOCTET end[2] = {0xff, JPEG_EOI};
    of((j_common_ptr)jpeg)->has_ended = true;
    jpeg->src->next_input_byte = end;
    jpeg->src->bytes_in_buffer = sizeof end;
    return TRUE;
}

static void on_skip(j_decompress_ptr jpeg, long count) {
    if (count <= 0) return;
    if ((size_t)count > jpeg->src->bytes_in_buffer)
        stop(of((j_common_ptr)jpeg), "the file is cut short");
    jpeg->src->next_input_byte += count;
    jpeg->src->bytes_in_buffer -= (size_t)count;
}

/* Called between the parts of a progressive file; each scan passes over all pixels. */
static void on_progress(j_common_ptr jpeg) {
    if (((j_decompress_ptr)jpeg)->input_scan_number > MAX_PICTURE_SCANS)
        stop(of(jpeg), "it has too many scans");
}

static void find_orientation(struct decoder *decoder) {
    for (jpeg_saved_marker_ptr marker = decoder->jpeg.marker_list; marker; marker = marker->next) {
        if (marker->marker != EXIF_MARKER || marker->data_length < EXIF_HEAD ||
            memcmp(marker->data, "Exif\0", EXIF_HEAD))
            continue;
        decoder->orientation =
            picture_orientation(marker->data + EXIF_HEAD, marker->data_length - EXIF_HEAD);
        return;
    }
}

/* Photoshop writes CMYK inverted, and says that it was there. */
static void convert_inks(const struct decoder *decoder, unsigned char *to) {
    const bool are_inverted = decoder->jpeg.saw_Adobe_marker;
    const unsigned char *from = decoder->inks;
    for (JDIMENSION x = 0; x < decoder->jpeg.output_width; x++, from += 4) {
        unsigned char rgb[3];
        for (int c = 0; c < 3; c++) {
            int ink = are_inverted ? from[c] : 255 - from[c];
            int black = are_inverted ? from[3] : 255 - from[3];
            rgb[c] = (unsigned char)(black * ink / 255);
        }
        if (decoder->picture->channels == 3) {
            memcpy(to, rgb, 3);
            to += 3;
        } else {
            *to++ = (unsigned char)((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
        }
    }
}

static void read_rows(struct decoder *decoder) {
    j_decompress_ptr jpeg = &decoder->jpeg;
    const size_t row = (size_t)jpeg->output_width * (size_t)decoder->picture->channels;
    while (jpeg->output_scanline < jpeg->output_height) {
        unsigned char *to = decoder->picture->pixels + row * jpeg->output_scanline;
        JSAMPROW line = decoder->inks ? decoder->inks : to;
        if (jpeg_read_scanlines(jpeg, &line, 1) != 1) stop(decoder, "it has no pixels");
        if (decoder->inks) convert_inks(decoder, to);
    }
}

static void choose_form(struct decoder *decoder) {
    j_decompress_ptr jpeg = &decoder->jpeg;
    jpeg->out_color_space = decoder->picture->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    if (jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK)
        jpeg->out_color_space = JCS_CMYK;
    jpeg->dct_method = JDCT_IFAST;
    jpeg->do_fancy_upsampling = TRUE;
}

static bool allocate(struct decoder *decoder) {
    struct picture *picture = decoder->picture;
    const size_t width = decoder->jpeg.image_width, height = decoder->jpeg.image_height;
    picture->width = (int)width;
    picture->height = (int)height;
    picture->pixels = malloc(width * height * (size_t)picture->channels);
    if (decoder->jpeg.out_color_space == JCS_CMYK) decoder->inks = malloc(4 * width);
    decoder->is_short_of_memory =
        !picture->pixels || (decoder->jpeg.out_color_space == JCS_CMYK && !decoder->inks);
    return !decoder->is_short_of_memory;
}

static bool decode(struct decoder *decoder) {
    if (setjmp(decoder->escape)) return false;
    j_decompress_ptr jpeg = &decoder->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->src = &decoder->source;
    jpeg->progress = &decoder->progress;
    jpeg_save_markers(jpeg, EXIF_MARKER, 0xffff);
    jpeg_read_header(jpeg, TRUE);
    if (jpeg->image_width > MAX_PICTURE_SIDE || jpeg->image_height > MAX_PICTURE_SIDE ||
        (size_t)jpeg->image_width * jpeg->image_height > MAX_PICTURE_PIXELS)
        stop(decoder, "it has too many pixels");
    find_orientation(decoder);
    choose_form(decoder);
    if (!allocate(decoder)) return false;
    jpeg_start_decompress(jpeg);
    if (decoder->has_ended && jpeg_has_multiple_scans(jpeg)) stop(decoder, "the file is cut short");
    read_rows(decoder);
    return true;
}

enum status picture_decode_jpeg(const unsigned char *bytes, size_t length, const char *path,
                                struct picture *picture, int *orientation, struct error *error) {
    struct decoder decoder = {.picture = picture, .orientation = 1};
    enum status status = STATUS_OK;
    decoder.jpeg.err = jpeg_std_error(&decoder.errors);
    decoder.jpeg.client_data = &decoder;
    decoder.errors.error_exit = on_error;
    decoder.errors.emit_message = on_message;
    decoder.progress.progress_monitor = on_progress;
    decoder.source = (struct jpeg_source_mgr){.next_input_byte = bytes,
                                              .bytes_in_buffer = length,
                                              .init_source = ignore,
                                              .fill_input_buffer = on_end,
                                              .skip_input_data = on_skip,
                                              .resync_to_restart = jpeg_resync_to_restart,
                                              .term_source = ignore};
    if (decode(&decoder))
        *orientation = decoder.orientation;
    else if (decoder.is_short_of_memory)
        status = error_memory(error, path, 12 * (size_t)MAX_PICTURE_PIXELS);
    else
        status =
            error_set(error, STATUS_FORMAT, path, "cannot be read as JPEG: %s", decoder.trouble);
    jpeg_destroy_decompress(&decoder.jpeg);
    free(decoder.inks);
    return status;
}
