#include "base/json_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_text_free(struct json_text *json) {
    free(json->text);
    *json = (struct json_text){0};
}

void json_text_clear(struct json_text *json) {
    json->length = 0;
    json->is_failed = false;
    if (json->text) json->text[0] = 0;
}

static void append(struct json_text *json, const char *piece, size_t length) {
    if (json->is_failed) return;
    if (length >= json->room - json->length || !json->room) {
        size_t room = (json->room ? json->room * 2 : 1024) + length;
        char *larger = room > json->room ? realloc(json->text, room) : NULL;
        if (!larger) {
            json->is_failed = true;
            return;
        }
        json->text = larger;
        json->room = room;
    }
    memcpy(json->text + json->length, piece, length);
    json->length += length;
    json->text[json->length] = 0;
}

static void separate(struct json_text *json) {
    if (!json->length) return;
    char last = json->text[json->length - 1];
    if (!strchr("{[:", last)) append(json, ",", 1);
}

void json_text_open(struct json_text *json, char bracket) {
    separate(json);
    append(json, &bracket, 1);
}

void json_text_close(struct json_text *json, char bracket) {
    append(json, &bracket, 1);
}

static void append_quoted(struct json_text *json, const char *value) {
    append(json, "\"", 1);
    for (const char *p = value; *p; p++) {
        unsigned char c = (unsigned char)*p;
        char escaped[8];
        if (c == '"' || c == '\\') {
            escaped[0] = '\\';
            escaped[1] = (char)c;
            append(json, escaped, 2);
        } else if (c < 0x20 || c == 0x7f) {
            int length = snprintf(escaped, sizeof escaped, "\\u%04x", c);
            append(json, escaped, (size_t)length);
        } else {
            append(json, p, 1);
        }
    }
    append(json, "\"", 1);
}

void json_text_key(struct json_text *json, const char *key) {
    separate(json);
    append_quoted(json, key);
    append(json, ":", 1);
}

void json_text_string(struct json_text *json, const char *value) {
    separate(json);
    append_quoted(json, value);
}

static void append_number(struct json_text *json, double value, int digits) {
    separate(json);
    if (isnan(value)) {
        append_quoted(json, "NaN");
    } else if (isinf(value)) {
        append_quoted(json, value > 0 ? "Infinity" : "-Infinity");
    } else {
        char text[40];
        int length = snprintf(text, sizeof text, "%.*g", digits, value);
        append(json, text, (size_t)length);
    }
}

void json_text_float(struct json_text *json, float value) {
    append_number(json, (double)value, 9);
}

void json_text_double(struct json_text *json, double value) {
    append_number(json, value, 17);
}

void json_text_integer(struct json_text *json, int64_t value) {
    char text[32];
    int length = snprintf(text, sizeof text, "%" PRId64, value);
    separate(json);
    append(json, text, (size_t)length);
}

void json_text_bool(struct json_text *json, bool value) {
    separate(json);
    append(json, value ? "true" : "false", value ? 4 : 5);
}

void json_field_string(struct json_text *json, const char *key, const char *value) {
    json_text_key(json, key);
    json_text_string(json, value);
}

void json_field_float(struct json_text *json, const char *key, float value) {
    json_text_key(json, key);
    json_text_float(json, value);
}

void json_field_double(struct json_text *json, const char *key, double value) {
    json_text_key(json, key);
    json_text_double(json, value);
}

void json_field_integer(struct json_text *json, const char *key, int64_t value) {
    json_text_key(json, key);
    json_text_integer(json, value);
}

void json_field_bool(struct json_text *json, const char *key, bool value) {
    json_text_key(json, key);
    json_text_bool(json, value);
}
