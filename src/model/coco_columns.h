/* coco_columns.h: what the 91 class columns of torchvision's detectors stand for. */
#ifndef RN_MODEL_COCO_COLUMNS_H
#define RN_MODEL_COCO_COLUMNS_H

enum { RN_COCO_COLUMNS = 91 };

/* By column, which is COCO's category id: 80 categories of 2017 (Lin et al., arXiv:1405.0312), the
 * ten ids that it has without one, and the background as column 0, which no object has. */
extern const char *const rn_coco_columns[RN_COCO_COLUMNS];

#endif
