/* plot.h: what pictures of curves and tables have in common, in a report and in a run's folder. */
#ifndef RN_EVAL_PLOT_H
#define RN_EVAL_PLOT_H

#include "data/draw.h"

#define RN_PLOT_WHITE ((rn_color){255, 255, 255})
#define RN_PLOT_GRID  ((rn_color){225, 225, 225})
#define RN_PLOT_INK   ((rn_color){40, 40, 40})

enum { RN_PLOT_TEXT = 15, RN_PLOT_PAD = 8 }; /* pixels */

/* A white picture and a pen. */
typedef struct rn_plot {
    rn_image image;
    rn_pen *pen;
} rn_plot;

/* Open the pen, by which texts can be measured; then the picture. Closed whatever comes. RN_ENOMEM.
 */
RN_MUST_USE rn_status rn_plot_open(rn_plot *plot);
RN_MUST_USE rn_status rn_plot_resize(rn_plot *plot, int width, int height);
/* Write it to FOLDER/NAME and free it; with `status` other than RN_OK free it and return that. */
RN_MUST_USE rn_status rn_plot_close(rn_plot *plot, rn_status status, const char *folder,
                                    const char *name);

/* Text whose corner, middle or end lies at x. Longer than `most` pixels it ends in "...". */
typedef enum rn_align { RN_ALIGN_LEFT, RN_ALIGN_MIDDLE, RN_ALIGN_RIGHT } rn_align;
void rn_plot_text(rn_plot *plot, int x, int y, const char *text, rn_align align, int most);
/* The same upwards; y is its lower end, its middle or its upper end. */
void rn_plot_text_up(rn_plot *plot, int x, int y, const char *text, rn_align align, int most);

/* Pixels that rn_plot_text would take. */
int rn_plot_width(const rn_plot *plot, const char *text, int most);

#endif
