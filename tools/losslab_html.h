/* losslab_html.h: the parts of the report, a file each. */
#ifndef LOSSLAB_HTML_H
#define LOSSLAB_HTML_H

#include "losslab_stats.h"
#include "losslab_svg.h"

/* An experiment with its results, as they are reported. */
typedef struct lab_result {
    lab_experiment e; /* its seeds are those that the table has */
    lab_table table;
    char folder[PATH_MAX];
    lab_grid grids[LAB_MAX_CLAIMS]; /* of the claims' metrics */
    lab_finding findings[LAB_MAX_CLAIMS];
} lab_result;

/* losslab_html.c */
void lab_html_begin(FILE *file);
void lab_html_end(FILE *file);
/* Printed text, its variable parts escaped: %s alone is known in `format`. */
void lab_html_text(FILE *file, const char *format, ...);
/* A picture of a file, inside the page; false, and nothing written, if it cannot be read. */
bool lab_html_picture(FILE *file, const char *path, const char *caption);

/* losslab_shapes.c: experiment A, which needs no training. */
int lab_shapes(FILE *file);

/* losslab_curves.c: what was measured of the models of the first seed. */
void lab_curves(FILE *file, const lab_result *r);

/* The sentence on claim c. */
void lab_conclusion(char out[], size_t size, const lab_result *r, int c);

#endif
