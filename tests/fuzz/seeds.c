/* seeds FOLDER: where fuzzing begins: FOLDER/<reader>/ with small files of every kind that the
 * reader takes, made here. */
#include "model/weights.h"
#include "picture_files.h"
#include "suite.h"
#include "torch_files.h"
#include "train/options.h"

static void check(rn_status status) {
    ck_assert_msg(status == RN_OK, "%s", rn_error_text());
}

static void keep(const char *name) {
    temp_bytes(name, file.data, file.size);
}

/* ---- pictures ---- */

/* A gradient with a bright block, in our own encoders' JPEG and PNG. */
static void encoded_pictures(void) {
    uint8_t pixels[24 * 20 * 3];
    const rn_image picture = {.width = 24, .height = 20, .pixels = pixels};
    for (int i = 0; i < 24 * 20 * 3; i++) pixels[i] = (uint8_t)(i % 72 * 3 + i / 72 * 2);
    memset(pixels + 72 * 6, 250, 72);
    check(rn_image_write(&picture, temp_path("jpeg/ours.jpg")));
    check(rn_image_write(&picture, temp_path("png/ours.png")));
    check(rn_image_write_annotated(&picture, temp_path("jpeg/annotated.jpg")));
    check(rn_image_write_annotated(&picture, temp_path("png/annotated.png")));
}

static size_t marker_at(unsigned marker) {
    size_t at = 0;
    while (file.data[at] != 0xff || file.data[at + 1] != marker) at++;
    return at;
}

/* A scan with some bits; any are right where all codes of a length are taken. */
static void jpeg_scan(const char *header, size_t size) {
    jpeg_segment(&file, 0xda, header, size);
    for (unsigned i = 0; i < 24; i++) put_byte(&file, (i * i * 53 + i * 7) & 0x7f);
}

static void jpegs(void) {
    static const uint8_t exif[] = "Exif\0\0MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\6\0";
    uint8_t values[4 * 4 * 4];
    for (size_t i = 0; i < sizeof values; i++) values[i] = (uint8_t)(i * 37);
    jpeg(2, 2, 1, values, -1);
    keep("jpeg/grey");
    jpeg(2, 1, 3, values, -1);
    keep("jpeg/colour");
    jpeg(1, 2, 4, values, 0);
    keep("jpeg/cmyk");
    jpeg(1, 2, 4, values, 2);
    keep("jpeg/ycck");
    jpeg(1, 1, 3, values, 0);
    keep("jpeg/rgb");
    jpeg_make(&file, &(jpeg_spec){2, 1, 3, values, -1, exif, sizeof exif - 1});
    keep("jpeg/exif");

    jpeg(4, 4, 3, values,
         -1); /* 2 x 2 and 2 x 1 samples of the first component for one of another */
    const size_t sampling = marker_at(0xc0) + 11;
    file.data[sampling] = 0x22;
    keep("jpeg/sampled_2x2");
    file.data[sampling] = 0x21;
    keep("jpeg/sampled_2x1");

    jpeg(4, 2, 1, values, -1); /* a restart marker behind every second block */
    const size_t frame = marker_at(0xc0);
    memmove(file.data + frame + 6, file.data + frame, file.size - frame);
    memcpy(file.data + frame, "\xff\xdd\0\4\0\2", 6);
    file.size += 6;
    keep("jpeg/restart");

    jpeg(2, 2, 3, values, -1); /* progressive: DC and then AC, in two parts each */
    file.data[marker_at(0xc0) + 1] = 0xc2;
    file.data[marker_at(0xc2) + 11] = 0x22;
    file.size = marker_at(0xda);
    jpeg_segment(&file, 0xc4, "\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\2\3", 21);
    jpeg_segment(&file, 0xc4, "\20\0\0\10\0\0\0\0\0\0\0\0\0\0\0\0\0\1\21\0\20\40\360\61\60", 25);
    jpeg_scan("\3\1\0\2\0\3\0\0\0\1", 10);
    jpeg_scan("\3\1\0\2\0\3\0\0\0\20", 10);
    jpeg_scan("\1\1\0\1\77\1", 6);
    jpeg_scan("\1\1\0\1\77\20", 6);
    jpeg_scan("\1\3\0\1\5\0", 6);
    put(&file, "\xff\xd9", 2);
    keep("jpeg/progressive");
}

/* 4 x 5 pixels; each row has another filter. */
static void png_kind(const char *name, int depth, int color, bool interlaced) {
    static const int channels[] = {1, 0, 3, 1, 2, 0, 4};
    uint8_t rows[600];
    const size_t row = 1 + (size_t)(4 * depth * channels[color] + 7) / 8;
    for (size_t i = 0; i < sizeof rows; i++)
        rows[i] = (uint8_t)(interlaced ? i % 2 : i % row ? i * 29 & 0x33 : i / row % 5);
    png_begin(&file, 4, 5, depth, color);
    if (interlaced) {
        file.data[28] = 1;
        file.size -= 4;
        put_big(&file, rn_crc32(0, file.data + 12, 17), 4);
    }
    if (color == 3)
        png_chunk(&file, "PLTE", "abcdefghijklmnopqrstuvwx0123456789@ABCDEFGHIJKLMNOP", 48);
    if (color == 3) png_chunk(&file, "tRNS", "\0\200\377", 3);
    if (color == 0) png_chunk(&file, "tRNS", "\0\1", 2);
    if (color == 2) png_chunk(&file, "tRNS", "\0\1\0\2\0\3", 6);
    png_data(&file, rows, interlaced ? sizeof rows : 5 * row);
    png_end(&file);
    keep(name);
}

static void pngs(void) {
    static const int kinds[][2] = {{1, 0}, {2, 0}, {4, 0}, {8, 0}, {16, 0}, {8, 2}, {16, 2}, {1, 3},
                                   {2, 3}, {4, 3}, {8, 3}, {8, 4}, {16, 4}, {8, 6}, {16, 6}};
    /* 16 x 16 grey pixels, compressed with Huffman codes of their own. */
    static const char zlib[] =
        "\x18\xd3\x2d\x4e\x09\x0e\x04\x31\x08\xe2\xb0\xfb\xff\x27\x0f\xe8\xa6\x6d\x34\x94"
        "\x0b\x90\x00\xd1\x42\x26\xb3\x01\xa6\x9e\x48\x3b\x2b\xa8\x7c\xa2\x7b\x89\x1d\xc5"
        "\x4c\x4f\x18\x2a\x1d\x53\x61\x54\xbd\xfd\xaa\xa1\xb8\x6c\x87\xee\xe2\x41\x54\x17"
        "\x4f\xf0\x06\x2e\xb8\xc2\x3c\xae\xb1\x06\xd7\x43\x67\xba\x89\xc4\xc5\xe2\x64\x6c"
        "\x45\x3f\x85\x47\xc5\x2b\x2d\x7d\xa4\x9e\xd7\xd4\x34\x6e\xf3\xd4\xbc\xfc\x26\x69"
        "\x2d\xd2\x79\x3d\xff\x66\x97\xaf\xeb\x58\xca\x0f\xf8\x00\xb8\x93\x01\x52";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char name[64];
        snprintf(name, sizeof name, "png/depth_%d_color_%d", kinds[i][0], kinds[i][1]);
        png_kind(name, kinds[i][0], kinds[i][1], false);
    }
    png_kind("png/interlaced", 8, 2, true);
    png_begin(&file, 16, 16, 8, 0);
    png_chunk(&file, "tEXt", "Title\0a", 7);
    png_chunk(&file, "IDAT", zlib, 40); /* in two parts */
    png_chunk(&file, "IDAT", zlib + 40, sizeof zlib - 41);
    png_end(&file);
    keep("png/compressed");
}

static void bmps(void) {
    static const int depths[] = {1, 4, 8, 16, 24, 32};
    static const uint8_t masks[] = {0, 0xf8, 0, 0, 0xe0, 7, 0, 0, 0x1f, 0, 0, 0};
    uint8_t palette[16 * 4], pixels[256];
    for (size_t i = 0; i < sizeof palette; i++) palette[i] = (uint8_t)(i * 5);
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 11 & 0x77);
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        const int bits = depths[i];
        bmp_spec spec = {.width = 5,
                         .height = i % 2 ? 3 : -3,
                         .bits = bits,
                         .pixels = pixels,
                         .pixels_size = (size_t)(5 * bits + 31) / 32 * 4 * 3};
        char name[64];
        if (bits < 16) {
            spec.between = palette;
            spec.between_size = bits == 1 ? 8 : sizeof palette;
            for (size_t k = 0; bits == 8 && k < sizeof pixels; k++) pixels[k] &= 15;
        }
        snprintf(name, sizeof name, "bmp/bits_%d", bits);
        bmp_make(&file, &spec);
        keep(name);
        if (bits < 16) continue;
        spec.compression = 3;
        spec.between = masks;
        spec.between_size = sizeof masks;
        snprintf(name, sizeof name, "bmp/fields_%d", bits);
        bmp_make(&file, &spec);
        keep(name);
    }
}

/* ---- annotations ---- */

static void cocos(void) {
    temp_text(
        "coco/whole",
        "{\"info\": {\"year\": 2026, \"extra\": [1, -2.5e3, null, {}, [[]]]},\n"
        " \"images\": [{\"id\": 1, \"file_name\": \"a/b.jpg\", \"width\": 64, \"height\": 48},\n"
        "            {\"file_name\": \"\\u00e9\\ud83d\\ude00\\n\\\"\\\\\\/.png\", \"id\": -7}],\n"
        " \"annotations\": [\n"
        "  {\"id\": 0, \"image_id\": 1, \"category_id\": 3, \"bbox\": [1, 2.5, 1e1, 0],\n"
        "   \"area\": 12.25, \"iscrowd\": 0, \"segmentation\": [[1, 2, 3, 4]]},\n"
        "  {\"id\": 9007199254740992, \"image_id\": -7, \"category_id\": 1,\n"
        "   \"bbox\": [-1, 0.1, 3, 4], \"iscrowd\": true, \"segmentation\": {\"counts\": "
        "\"x\"}}],\n"
        " \"categories\": [{\"id\": 3, \"name\": \"cell\", \"supercategory\": \"\"},\n"
        "                {\"name\": \"key\", \"id\": 1}], \"licenses\": false}\n");
    temp_text("coco/categories_last",
              "\xef\xbb\xbf{\"annotations\":[{\"bbox\":[0,0,1,1],"
              "\"category_id\":5,\"image_id\":2,\"id\":1}],"
              "\"images\":[{\"id\":2,\"file_name\":\"\xc3\xa9.png\"}],"
              "\"categories\":[{\"id\":5,\"name\":\"\xe2\x82\xac\xf0\x9f\x98\x80\"}]}");
    temp_text("coco/empty", "{\"images\":[],\"annotations\":[],\"categories\":[]}");
    temp_text("coco/nested",
              "{\"x\":[[[[[[[[{\"y\":{\"z\":[true,false,null]}}]]]]]]]],\"images\":[]}");
}

static void results(void) {
    temp_text("coco_results/two",
              "[{\"image_id\": 1, \"category_id\": 3, \"bbox\": [1.5, 2, 30.25, 4e1], \"score\": "
              "0.875},\n"
              " {\"score\": 1, \"bbox\": [0, 0, 0, 0], \"category_id\": 1, \"image_id\": -3,"
              " \"segmentation\": {\"size\": [1, 2]}}]\n");
    temp_text("coco_results/unknown_category",
              "[{\"image_id\":7,\"category_id\":99,\"bbox\":[1,2,3,4],\"score\":1e-300}]");
    temp_text("coco_results/unknown_image",
              "[{\"image_id\":12,\"category_id\":1,\"bbox\":[1,2,3,4],\"score\":0.1}]");
    temp_text("coco_results/empty", "[]");
}

static void yolos(void) {
    temp_text("yolo/two", "0 0.5 0.5 0.25 1\r\n\n 19\t0 1 1e-3 0.125 \n0 0.5 0.5 0.25 1");
    temp_text("yolo/polygon", "3 0.1 0.1 0.9 0.1 0.5 0.8\n");
    temp_text("yolo/marked", "\xef\xbb\xbf"
                             "7 0.333333 0.25 0.0 0.5\n");
    temp_text("yolo_data/map",
              "path: ../set # comment\ntrain: images/train\nval:\n  - a\n  - 'b c'\n"
              "test:\nnc: 2\nnames:\n  0: \"cell \\u00e9\"\n  1: key\n"
              "download: |\n  text\n");
    temp_text("yolo_data/list",
              "{train: [x.txt], names: [a, 'b', \"c\"], nc: 3, roboflow: {v: 1}}\n");
    temp_text("yolo_data/anchors",
              "names: &n [a, b]\ntrain: &t x\nval: *t\nother: *n\n---\nmore: 1\n");
}

static void vocs(void) {
    temp_text(
        "voc/whole",
        "<annotation verified=\"yes\">\n\t<folder>x</folder><filename>a &amp; b.jpg</filename>\n"
        "\t<size><width>640</width><height>480</height><depth>3</depth></size>\n"
        "\t<object>\n\t\t<name>cell</name><pose/><difficult>1</difficult>\n"
        "\t\t<bndbox><xmin>1</xmin><ymin>2.5</ymin><xmax>30</xmax><ymax>4e1</ymax></bndbox>\n"
        "\t\t<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>\n\t</object>\n"
        "\t<object><bndbox><ymax>9</ymax><xmax>8</xmax><ymin>0</ymin><xmin>-3</xmin></bndbox>"
        "<name> \xc3\xa9 </name></object>\n</annotation>\n");
    temp_text("voc/latin",
              "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><!-- c --><annotation><filename>"
              "<![CDATA[\xe9.png]]></filename><size><width/></size></annotation>");
    temp_text("voc/references",
              "<annotation><filename>&#x20AC;&#65;&lt;</filename><?p i?></annotation>");
    temp_text("voc/doctype", "<!DOCTYPE a [<!ENTITY x \"y\">]><annotation>&x;</annotation>");
    temp_bytes("voc/utf16", "\xff\xfe<\0a\0n\0n\0o\0t\0a\0t\0i\0o\0n\0/\0>\0", 28);
    temp_text("voc/empty", "<annotation/>");
}

/* ---- models ---- */

static rn_model_config a_model(void) {
    char key[] = "key", other[] = "a \"b\"";
    char *const names[] = {key, other};
    const int64_t ids[] = {1, -5};
    rn_model_config config;
    check(rn_model_config_preset(&config, "nano"));
    check(rn_model_config_set_classes(&config, names, ids, 2));
    return config;
}

static void presets(void) {
    rn_model_config config = a_model();
    rn_train_options options = rn_train_options_defaults();
    char *text;
    check(rn_model_config_to_json(&text, &config));
    temp_text("presets/model", text);
    free(text);
    check(rn_train_options_to_json(&text, &options));
    temp_text("presets/args", text);
    free(text);
    rn_model_config_free(&config);
    temp_text("presets/preset",
              "{\"depth\": 50, \"width\": 16, \"head-depth\": 2, \"norm\": \"frozen\", "
              "\"antialias\": false,\n"
              " \"anchor_sides\": [8, 16.5, 3e1, 40, 50], \"anchor_ratios\": [1],\n"
              " \"train\": {\"optimizer\": \"adamw\", \"lr\": 5e-3, \"low_quality\": false, "
              "\"seed\": 7,\n"
              "           \"val_split\": \"t\\u00e9st\"}}\n");
    temp_text("presets/empty", "{}");
}

static void safetensors(void) {
    rn_model_config config = a_model();
    rn_safetensors_writer writer = {0};
    const real numbers[] = {1, -2, (real)0.5, 0, 3, 4, 5, 6};
    rn_tensor_entry entry = {
        "backbone.body.conv1.weight", RN_F32, 4, {2, 1, 2, 2}, numbers, true, NULL};
    check(rn_safetensors_add(&writer, &entry));
    entry = (rn_tensor_entry){"head.bias", RN_F16, 1, {3}, numbers, false, NULL};
    check(rn_safetensors_add(&writer, &entry));
    check(rn_safetensors_add_metadata(&writer, "position", "3 4"));
    check(rn_safetensors_save(&writer, temp_path("safetensors/tensors")));
    check(rn_model_add_metadata(&writer, &config));
    check(rn_safetensors_save(&writer, temp_path("safetensors/model")));
    rn_safetensors_writer_free(&writer);

    config.depth = 101; /* without a tensor: gigabytes claimed by a kilobyte */
    config.width = 256;
    config.fpn_channels = 1024;
    check(rn_model_add_metadata(&writer, &config));
    check(rn_safetensors_save(&writer, temp_path("safetensors/huge")));
    rn_safetensors_writer_free(&writer);
    rn_model_config_free(&config);

    static const char header[] =
        "{\"a\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]},"
        "\"b\":{\"dtype\":\"BF16\",\"shape\":[1,3],\"data_offsets\":[16,22]},"
        "\"c\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[22,23]},"
        "\"d\":{\"dtype\":\"I64\",\"shape\":[0,7],\"data_offsets\":[23,23]},"
        "\"__metadata__\":{\"format\":\"retinanet-c 1\",\"config\":\"{\\\"depth\\\":10}\"}}   ";
    file.size = 0;
    put_little(&file, sizeof header - 1, 4);
    put_little(&file, 0, 4);
    put(&file, header, sizeof header - 1);
    for (unsigned i = 0; i < 23; i++) put_byte(&file, 0x3f + i);
    keep("safetensors/types");
    file.size = 0;
    put(&file, "\2\0\0\0\0\0\0\0{}", 10);
    keep("safetensors/empty");
}

/* The file of `object` in both formats, then `object` is empty. */
static void torch_file(const char *name, made *object, bool older, const made_storage *storages,
                       int n) {
    char path[64];
    snprintf(path, sizeof path, "torch/%s_%s", name, older ? "older" : "zip");
    (older ? save_older : save_zip)(path, object, storages, n);
    made_free(object);
}

static void torch_files(void) {
    static const uint8_t data[48] = {0, 0x3c, 0, 0x40, 1, 2, 3, 4, 5, 6, 7, 8, 0x3f, 0x80};
    static const char *const types[] = {"Float", "Half",  "BFloat16", "Double", "Long",
                                        "Int",   "Short", "Char",     "Byte",   "Bool"};
    static const size_t sizes[] = {4, 2, 2, 8, 8, 4, 2, 1, 1, 1};
    static const char all[] =
        "](K\1M\2\1J\1\0\0\0\x8a\2\1\2\x8b\1\0\0\0\1G\0\0\0\0\0\0\0\0U\1aT\1\0\0\0bN\x88\x89)(t"
        "K\1\x85K\1K\2\x86K\1K\2K\3\x87]Na}K\1NseNaq\0";
    static const char protocol_4[] =
        "\x95\0\0\0\0\0\0\0\0\x8c\x0b"
        "collections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94\x8d\1\0\0\0\0\0\0\0aC\1bs"
        "B\1\0\0\0c\x8e\1\0\0\0\0\0\0\0ds\x8c\1w";
    const made_storage storages[] = {{"0", data, 6, 8}, {"1", data, 6, 4}};
    for (int i = 0; i < 2; i++) {
        const bool older = i == 1;
        made object = {0};
        made_storage each[10];
        char types_of[10][32];
        begin_dict(&object);
        for (int k = 0; k < 10; k++) {
            each[k] = (made_storage){types[k], data, 2, sizes[k]};
            snprintf(types_of[k], sizeof types_of[k], "%sStorage", types[k]);
            add_text(&object, types[k]);
            add_tensor(&object, &(made_tensor){types_of[k], types[k], 2, 0, 1, {2}, {1}, older});
        }
        end_dict(&object);
        torch_file("types", &object, older, each, 10);
        begin_dict(&object); /* views, shared data, the _metadata */
        add_text(&object, "head.weight");
        add_tensor(&object, &(made_tensor){
                                "DoubleStorage", "0", 6, 0, 4, {1, 3, 1, 2}, {6, 1, 6, 3}, older});
        add_text(&object, "num_batches_tracked");
        add_tensor(&object, &(made_tensor){"FloatStorage", "1", 6, 5, 0, {0}, {0}, older});
        add_text(&object, "part");
        add_tensor(&object, &(made_tensor){"DoubleStorage", "0", 6, 1, 1, {3}, {2}, older});
        add_text(&object, "none");
        add_tensor(&object, &(made_tensor){"DoubleStorage", "0", 6, 6, 2, {0, 7}, {7, 1}, older});
        end_dict(&object);
        add_raw(&object, "}");
        add_text(&object, "_metadata");
        add_raw(&object, "}sb");
        torch_file("views", &object, older, storages, 2);

        add_raw(&object, "}("); /* a checkpoint with all else that is read */
        add_text(&object, "epoch");
        add(&object, all, sizeof all - 1);
        add_text(&object, "again");
        add(&object, "h\0r\1\0\0\0j\1\0\0\0(N1N0u", 18);
        torch_file("checkpoint", &object, older, NULL, 0);
        add_raw(&object, "}(");
        add_text(&object, "lr");
        add(&object, "G\0\0\0\0\0\0\0\0", 9);
        add_text(&object, "model");
        begin_dict(&object);
        add_text(&object, "w");
        add_raw(&object, "ctorch._utils\n_rebuild_parameter\n");
        add_tensor(&object, &(made_tensor){"FloatStorage", "1", 6, 0, 2, {2, 3}, {3, 1}, older});
        add_raw(&object, "\x88N\x87R");
        end_dict(&object);
        end_dict(&object);
        torch_file("model", &object, older, storages + 1, 1);

        add(&object, protocol_4, sizeof protocol_4 - 1);
        add_tensor(&object, &(made_tensor){"FloatStorage", "1", 6, 0, 1, {6}, {1}, older});
        add_raw(&object, "s");
        torch_file("protocol_4", &object, older, storages + 1, 1);
    }
    made_zip z = {0};
    zip_64(&z, "a/data.pkl", "\x80\2}X\5\0\0\0model}s.", 14);
    temp_bytes("torch/zip_64", z.file.data, z.file.size);
    zip_free(&z);
}

/* ---- weights to start from ---- */

typedef struct donor_tensor {
    const char *name;
    size_t dims[4]; /* 0 where there are less */
} donor_tensor;

static void donor(const char *name, const donor_tensor *tensors, size_t n,
                  const rn_model_config *config) {
    static real numbers[8 * 3 * 7 * 7];
    rn_safetensors_writer writer = {0};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) numbers[i] = (real)(i % 16) / 8;
    for (size_t i = 0; i < n; i++) {
        rn_tensor_entry entry = {.dtype = RN_F16, .data = numbers};
        snprintf(entry.name, sizeof entry.name, "%s", tensors[i].name);
        memcpy(entry.dims, tensors[i].dims, sizeof tensors[i].dims);
        while (entry.n_dims < 4 && entry.dims[entry.n_dims] > 0) entry.n_dims++;
        check(rn_safetensors_add(&writer, &entry));
    }
    if (config) check(rn_model_add_metadata(&writer, config));
    check(rn_safetensors_save(&writer, temp_path(name)));
    rn_safetensors_writer_free(&writer);
}

/* Parts of a file of each kind; the names are those that tell the kinds apart, and some behind. */
static void donors(void) {
    static const donor_tensor resnet[] = {
        {"conv1.weight", {8, 3, 7, 7}}, {"bn1.weight", {8}},
        {"bn1.running_var", {8}},       {"bn1.num_batches_tracked", {1}},
        {"layer1.0.conv1.weight", {8}}, {"fc.bias", {2}}};
    static const donor_tensor folded[] = {{"conv1.weight", {8, 3, 7, 7}},
                                          {"conv1.bias", {8}},
                                          {"layer1.0.conv1.weight", {8}},
                                          {"layer1.0.conv1.bias", {8}}};
    static const donor_tensor mobile[] = {{"features.0.0.weight", {8, 3, 3, 3}},
                                          {"features.0.1.weight", {8}},
                                          {"features.1.conv.0.0.weight", {8, 1, 3, 3}},
                                          {"features.1.conv.0.1.bias", {8}}};
    static const donor_tensor numbered[] = {{"00.conv.weight", {8, 3, 3, 3}},
                                            {"00.conv.bias", {8}},
                                            {"01.dw.weight", {8, 1, 3, 3}},
                                            {"01.dw.bias", {8}}};
    static const donor_tensor older[] = {{"backbone.fpn.inner_blocks.0.bias", {16}},
                                         {"head.classification_head.conv.0.bias", {16}},
                                         {"backbone.body.bn1.running_mean", {8}}};
    static const donor_tensor average[] = {{"backbone.body.conv1.weight", {8, 3, 7, 7}},
                                           {"ema.backbone.body.conv1.weight", {8}},
                                           {"ema.backbone.body.bn1.weight", {8}},
                                           {"velocity.backbone.body.bn1.bias", {8}}};
    rn_model_config config = a_model();
    donor("donor/resnet", resnet, sizeof resnet / sizeof *resnet, NULL);
    donor("donor/folded", folded, sizeof folded / sizeof *folded, NULL);
    donor("donor/mobile", mobile, sizeof mobile / sizeof *mobile, NULL);
    donor("donor/numbered", numbered, sizeof numbered / sizeof *numbered, NULL);
    donor("donor/older", older, sizeof older / sizeof *older, NULL);
    donor("donor/average", average, 1, NULL);
    donor("donor/checkpoint", average + 1, 3, &config);
    rn_model_config_free(&config);
}

/* A test, for the headers that make the files are those of the tests. */
START_TEST(write_seeds) {
    static const char *const folders[] = {"jpeg", "png", "safetensors", "torch",
                                          "donor"}; /* the library makes none */
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) mkdir(folders[i], 0777);
    strcpy(temp_root, ".");
    encoded_pictures();
    jpegs();
    pngs();
    bmps();
    cocos();
    results();
    vocs();
    yolos();
    presets();
    safetensors();
    torch_files();
    donors();
}
END_TEST

int main(int argc, char **argv) {
    if (argc != 2 || chdir(argv[1]) != 0) {
        fprintf(stderr, "usage: seeds FOLDER\n");
        return EXIT_FAILURE;
    }
    Suite *suite = suite_create("seeds");
    TCase *tests = tcase_create("seeds");
    tcase_add_test(tests, write_seeds);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
