/* torch_model.h: a whole model as PyTorch saves it. */
#ifndef RN_TESTS_TORCH_MODEL_H
#define RN_TESTS_TORCH_MODEL_H

#include "model_files.h"
#include "torch_files.h"

#include <math.h>
#include <retinanet.h>

enum { PTH_MOST = 300, PTH_COUNTERS = 3 };

static made_storage pth_storages[PTH_MOST + PTH_COUNTERS];
static char pth_keys[PTH_MOST + PTH_COUNTERS][8];
static int pth_n;

/* "name": a tensor of a storage of its own, to the pickle. A convolution's weights lie channels
 * last where `last`. */
static inline void put_parameter(made *object, const rn_tensor *t, bool last, bool older) {
    made_tensor m = {"FloatStorage", pth_keys[pth_n], (int64_t)t->count, 0, t->n_dims, {0}, {0},
                     older};
    float *numbers = malloc(t->count * sizeof *numbers);
    size_t step = 1;
    ck_assert(numbers && pth_n < PTH_MOST && t->dtype == RN_F32);
    memcpy(numbers, t->data, t->count * sizeof *numbers);
    memcpy(m.dims, t->dims, sizeof t->dims);
    for (int d = t->n_dims - 1; d >= 0; step *= m.dims[d--]) m.strides[d] = step;
    if (last && t->n_dims == 4) {
        const size_t c = m.dims[1], h = m.dims[2], w = m.dims[3];
        const size_t strides[] = {c * h * w, 1, w * c, c};
        memcpy(m.strides, strides, sizeof strides);
        for (size_t i = 0; i < t->count; i++)
            memcpy(&numbers[i / (c * h * w) * (c * h * w) + i % (h * w) * c + i / (h * w) % c],
                   t->data + i * sizeof *numbers, sizeof *numbers);
    }
    pth_storages[pth_n] = (made_storage){pth_keys[pth_n], numbers, t->count, sizeof *numbers};
    pth_n++;
    add_text(object, t->name);
    add_tensor(object, &m);
}

/* `name` = the state dict of a safetensors file, as PyTorch would save it: num_batches_tracked
 * besides, every second tensor channels last. `spoil`: the bias of cls_logits begins with a NaN. */
static inline void make_pth(const char *name, const char *from, bool older, bool spoil) {
    static const int64_t counter = 5;
    rn_tensor_file file;
    made object = {0};
    ck_assert_msg(rn_tensor_file_open(&file, temp_path(from)) == RN_OK, "%s", rn_error_text());
    pth_n = 0;
    begin_dict(&object);
    for (size_t i = 0; i < file.n_tensors; i++) {
        snprintf(pth_keys[pth_n], sizeof pth_keys[0], "%d", pth_n);
        put_parameter(&object, &file.tensors[i], i % 2, older);
        float *first = (float *)pth_storages[pth_n - 1].data;
        if (spoil && strstr(file.tensors[i].name, "cls_logits.bias")) first[0] = NAN;
    }
    for (int i = 0; i < PTH_COUNTERS; i++) {
        char tensor[64];
        snprintf(pth_keys[pth_n], sizeof pth_keys[0], "%d", pth_n);
        snprintf(tensor, sizeof tensor, "backbone.body.bn%d.num_batches_tracked", i);
        add_text(&object, tensor);
        add_tensor(&object,
                   &(made_tensor){"LongStorage", pth_keys[pth_n], 1, 0, 0, {0}, {0}, older});
        pth_storages[pth_n] = (made_storage){pth_keys[pth_n], &counter, 1, sizeof counter};
        pth_n++;
    }
    end_dict(&object);
    (older ? save_older : save_zip)(name, &object, pth_storages, pth_n);
    for (int i = 0; i < pth_n - PTH_COUNTERS; i++) free((void *)pth_storages[i].data);
    made_free(&object);
    rn_tensor_file_close(&file);
}

/* s.safetensors, a model without metadata, and zip.pth and older.pth, the same. */
static inline void make_models(void) {
    rn_model_config nano;
    char *names[] = {(char *)rn_scenes_class_name(0), (char *)rn_scenes_class_name(1)};
    ck_assert_int_eq(rn_model_config_preset(&nano, "nano"), RN_OK);
    ck_assert_int_eq(rn_model_config_set_classes(&nano, names, (const int64_t[]){1, 2}, 2), RN_OK);
    rn_network net = tiny_network(&nano);
    real *values = tiny_weights(&net, 0.2);
    ck_assert_int_eq(rn_model_save(temp_path("s.safetensors"), &nano, &net.graph, values), RN_OK);
    free(values);
    rn_network_free(&net);
    rn_model_config_free(&nano);
    strip_metadata("s.safetensors");
    make_pth("zip.pth", "s.safetensors", false, false);
    make_pth("older.pth", "s.safetensors", true, false);
}

#endif
