#include "made_keras.h"

#include "test.h"

#include <stdlib.h>
#include <string.h>

struct made_keras keras_create(const char *path, const char *config) {
    struct made_keras file;
    file.file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file.file >= 0);
    if (config) {
        char *json = strdup(config);
        for (char *c = json; *c; c++)
            if (*c == '\'') *c = '"';
        keras_text(file.file, "model_config", json, 0);
        free(json);
    }
    file.weights = H5Gcreate2(file.file, "model_weights", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    return file;
}

void keras_close(struct made_keras *file) {
    H5Gclose(file->weights);
    assert_true(H5Fclose(file->file) >= 0);
}

void keras_text(hid_t object, const char *name, const char *text, int is_fixed) {
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, is_fixed ? strlen(text) : H5T_VARIABLE);
    H5Tset_strpad(type, is_fixed ? H5T_STR_NULLPAD : H5T_STR_NULLTERM);
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attribute, type, is_fixed ? (const void *)text : (const void *)&text) >=
                0);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
}

void keras_names(hid_t object, const char *name, const char *const *names, int count,
                 int is_fixed) {
    hsize_t size = (hsize_t)count;
    size_t longest = 1;
    for (int i = 0; i < count; i++)
        if (strlen(names[i]) > longest) longest = strlen(names[i]);
    char *fixed = calloc((size_t)count + 1, longest + 1);
    for (int i = 0; i < count; i++) memcpy(fixed + (size_t)i * longest, names[i], strlen(names[i]));
    hid_t type = H5Tcopy(count ? H5T_C_S1 : H5T_IEEE_F64LE);
    if (count) {
        H5Tset_size(type, is_fixed ? longest : H5T_VARIABLE);
        H5Tset_strpad(type, is_fixed ? H5T_STR_NULLPAD : H5T_STR_NULLTERM);
    }
    hid_t space = H5Screate_simple(1, &size, NULL);
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (count)
        assert_true(
            H5Awrite(attribute, type, is_fixed ? (const void *)fixed : (const void *)names) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
    free(fixed);
}

hid_t keras_layer(struct made_keras *file, const char *layer, const char *const *names, int count) {
    hid_t group = H5Gcreate2(file->weights, layer, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(group >= 0);
    keras_names(group, "weight_names", names, count, 0);
    return group;
}

void keras_numbers(hid_t group, const char *path, hid_t type, const hsize_t *size,
                   const float *values) {
    int rank = 0;
    while (size[rank]) rank++;
    hid_t space = rank ? H5Screate_simple(rank, size, NULL) : H5Screate(H5S_SCALAR);
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    hid_t dataset = H5Dcreate2(group, path, type, space, links, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(dataset >= 0);
    hid_t memory = H5T_NATIVE_FLOAT;
    const void *from = values;
    unsigned char upper[64];
    if (H5Tget_class(type) == H5T_OPAQUE) {
        hssize_t count = H5Sget_simple_extent_npoints(space);
        assert_true(count * 2 <= (hssize_t)sizeof upper);
        for (hssize_t i = 0; i < count; i++) memcpy(upper + 2 * i, (const char *)&values[i] + 2, 2);
        memory = type;
        from = upper;
    }
    assert_true(H5Dwrite(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, from) >= 0);
    H5Dclose(dataset);
    H5Pclose(links);
    H5Sclose(space);
}
