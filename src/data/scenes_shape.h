/* scenes_shape.h: the outlines and reliefs of the things that lie in a generated scene, as signed
 * distance functions. Pure functions of their arguments. */
#ifndef RN_DATA_SCENES_SHAPE_H
#define RN_DATA_SCENES_SHAPE_H

#include "base/random.h"

/* The labelled classes come first, in label order. The others are look-alikes that lack what makes
 * a class: a disc has no teeth or holes, a ring no teeth, a cup no handle, a spoon no bit, an oval
 * no midrib, fin or stalk. */
typedef enum rn_shape_kind {
    RN_SHAPE_KEY,
    RN_SHAPE_GEAR,
    RN_SHAPE_LEAF,
    RN_SHAPE_MUG,
    RN_SHAPE_STARFISH,
    RN_SHAPE_FISH,
    RN_SHAPE_BUTTON,
    RN_SHAPE_SCISSORS,
    RN_SHAPE_CLASSES,
    RN_SHAPE_DISC = RN_SHAPE_CLASSES,
    RN_SHAPE_RING,
    RN_SHAPE_OVAL,
    RN_SHAPE_STICK,
    RN_SHAPE_BLOB,
    RN_SHAPE_ARC,
    RN_SHAPE_POLYGON,
    RN_SHAPE_CUP,
    RN_SHAPE_SPOON,
    RN_SHAPE_SHEET,
    RN_SHAPES
} rn_shape_kind;

/* One individual of a kind. */
typedef struct rn_shape {
    rn_shape_kind kind;
    float a, b, c; /* proportions; their meaning is the kind's own */
    int n;         /* a count: teeth, veins, corners */
} rn_shape;

/* What a shape is at one point. */
typedef struct rn_relief {
    float distance; /* to the outline, negative inside; its gradient is near 1, not exactly */
    float height;   /* above the table, in the shape's units; only inside */
    float tone;     /* factor on the surface's colour: dark eyes and cups, light veins */
} rn_relief;

/* A random individual. */
rn_shape rn_shape_draw(rn_random *random, rn_shape_kind kind);

/* Half the range of in-plane turns the kind is drawn with, in radians (pi: any). */
float rn_shape_spin(rn_shape_kind kind);

/* The shape at (x, y), y downwards. Every shape fits into the circle of radius 1.1. */
rn_relief rn_shape_at(const rn_shape *shape, float x, float y);

#endif
