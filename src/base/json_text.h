/* json_text: one line of JSON, built piece by piece in a buffer that is reused.
 *
 * Commas are added automatically.  A float32 is written with 9 digits and a double with 17, enough
 * to read back the same bits; NaN and infinity, which JSON lacks, are the strings "NaN", "Infinity"
 * and "-Infinity".  When memory runs out, the text is marked as failed and further pieces are
 * ignored.
 */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_text {
    char *text; /* NUL-terminated; NULL before the first piece */
    size_t length, room;
    bool is_failed;
};

void json_text_free(struct json_text *json);
void json_text_clear(struct json_text *json); /* empties it and keeps the memory */

/* In an object, each value follows a json_text_key. */
void json_text_open(struct json_text *json, char bracket);  /* '{' or '[' */
void json_text_close(struct json_text *json, char bracket); /* '}' or ']' */
void json_text_key(struct json_text *json, const char *key);
void json_text_string(struct json_text *json, const char *value);
void json_text_float(struct json_text *json, float value);
void json_text_double(struct json_text *json, double value);
void json_text_integer(struct json_text *json, int64_t value);
void json_text_bool(struct json_text *json, bool value);

/* A key and its value. */
void json_field_string(struct json_text *json, const char *key, const char *value);
void json_field_float(struct json_text *json, const char *key, float value);
void json_field_double(struct json_text *json, const char *key, double value);
void json_field_integer(struct json_text *json, const char *key, int64_t value);
void json_field_bool(struct json_text *json, const char *key, bool value);

#endif
