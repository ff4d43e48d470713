#!/usr/bin/python3
"""The numbers of torch and torchvision that tests/test_parity_detection.c (in float) and
tests/test_parity_gradient.c (in double) compare the detection maths with.

    detection_make.py [FOLDER]            write detection.safetensors
    detection_make.py --check [FOLDER]    compare the one that is there with what torch says now
                                    (exit 1: it differs)

FOLDER is the script's own by default. The committed file was made with torch 1.13.1 and torchvision
0.14.1 (Debian's python3-torch and python3-torchvision).

Real numbers come from torch in double; --check also makes them in torch's float32. What is a
decision (matches, kept boxes, anchors) comes from float32, the type that torchvision's models run
in.
"""
import sys
import zlib
from decimal import Decimal, getcontext
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F
from torchvision.models.detection._utils import BoxCoder, Matcher, _box_loss
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.retinanet import RetinaNet
from torchvision.ops import batched_nms, generalized_box_iou_loss, nms, sigmoid_focal_loss

from golden_files import leaf, main, series, steps

# ---- focal loss ----

GAMMAS = [float(np.float32(g)) for g in (0, 0.1, 0.5, 1, 2, 5)]  # what code in float is given
ALPHAS = [-1, 0.25]  # -1: no weighting
SIZES = [0.001, 0.1, 0.25, 0.5, 1, 1.5, 2, 2.75, 3.5, 4.595, 5, 6.25, 7.5, 8, 9, 9.5, 10]
LARGE = [10.5, 12, 17, 25, 36.5, 37, 50, 80, 87, 88, 89, 100, 103, 104, 200, 700, 745, 746, 2000,
         10000]


def signed(sizes):
    return np.float32([0] + [s * x for x in sizes for s in (1, -1)])


def focal_of_torch(dtype):
    """loss, dx [gammas, alphas, background and foreground, logits]"""
    x = signed(SIZES)
    loss, dx = [], []
    for gamma in GAMMAS:
        for alpha in ALPHAS:
            for foreground in range(2):
                logits = leaf(x, dtype)
                one = sigmoid_focal_loss(logits, torch.full_like(logits, foreground), alpha, gamma)
                one.sum().backward()
                loss.append(one.detach())
                dx.append(logits.grad)
    shape = (len(GAMMAS), len(ALPHAS), 2, len(x))
    yield "focal.torch.logits", torch.tensor(x, dtype=dtype)
    yield "focal.torch.loss", torch.stack(loss).reshape(shape)
    yield "focal.torch.dx", torch.stack(dx).reshape(shape)


def focal_of_one(x, foreground, gamma, alpha):
    """FL = -alpha_t q^gamma log p and dFL/dx = y alpha_t q^gamma (gamma p log p - q) to 50 digits:
    with z = y x, p = 1 / (1 + e^-z), q = 1 - p and log p = -log(1 + e^-z)."""
    z = x if foreground else -x
    e = (-abs(z)).exp()
    softplus = (1 + e).ln() if e > Decimal("1e-25") else e - e * e / 2  # of -|z|
    p, q = (1 / (1 + e), e / (1 + e)) if z >= 0 else (e / (1 + e), 1 / (1 + e))
    log_p = -softplus if z >= 0 else z - softplus
    weight = q**gamma * (1 if alpha < 0 else alpha if foreground else 1 - alpha)
    slope = weight * (gamma * p * log_p - q)
    return -weight * log_p, slope if foreground else -slope


def focal_closed():
    """The closed form in decimal arithmetic: no digit is lost at any logit."""
    getcontext().prec = 50
    x = signed(SIZES + LARGE)
    values = [focal_of_one(Decimal(float(v)), foreground, Decimal(gamma), Decimal(alpha))
              for gamma in GAMMAS for alpha in ALPHAS for foreground in range(2) for v in x]
    shape = (len(GAMMAS), len(ALPHAS), 2, len(x))
    yield "focal.closed.logits", torch.tensor(x, dtype=torch.float64)
    for i, name in enumerate(("loss", "dx")):
        numbers = torch.tensor([float(v[i]) for v in values], dtype=torch.float64)
        yield f"focal.closed.{name}", numbers.reshape(shape)


def focal_in_float32():
    """Where torch's gradient in float32 is NaN: gamma .5, logits +-10000."""
    x = leaf([1e4, -1e4], torch.float32)
    sigmoid_focal_loss(x, torch.tensor([1.0, 0.0]), -1, 0.5).sum().backward()
    yield "focal.float32.nan", np.int32(np.isnan(x.grad.numpy()))


# ---- box losses ----


def smooth_l1(dtype):
    """Beta 0 is l1_loss, as torchvision's L1; smooth_l1_loss itself has the slope -1 at 0 then."""
    d = np.float32([0, 0.0625, 0.109375, 0.125, 0.5, 0.9375, 1, 1.0625, 3, 64, 1e4])
    for i, beta in enumerate((1 / 9, 1.0, 0.0)):
        x = leaf(np.concatenate((5 + d, 5 - d)), dtype)
        kind, more = (F.smooth_l1_loss, {"beta": beta}) if beta else (F.l1_loss, {})
        loss = kind(x, torch.full_like(x, 5), reduction="none", **more)
        loss.sum().backward()
        yield f"smooth_l1.{i}.beta", torch.tensor([beta], dtype=torch.float64)
        yield f"smooth_l1.{i}.x", x
        yield f"smooth_l1.{i}.loss", loss
        yield f"smooth_l1.{i}.dx", x.grad


GIOU_PAIRS = [
    ((10, 20, 50, 80), (20, 10, 60, 70)),  # each way over
    ((10, 20, 50, 80), (10, 20, 50, 80)),  # equal
    ((0, 0, 100, 100), (20, 30, 40, 60)),  # around it
    ((20, 30, 40, 60), (0, 0, 100, 100)),  # within it
    ((0, 0, 10, 10), (30, 40, 50, 60)),  # far away
    ((0, 0, 10, 10), (10, 0, 20, 10)),  # edge on edge
    ((0, 0, 10, 10), (10, 10, 20, 20)),  # corner on corner
    ((0, 0, 10, 10), (30, 0, 40, 10)),  # a gap in x alone
    ((10, 20, 50, 80), (10, 30, 60, 80)),  # two edges in common
    ((10, 20, 50, 80), (10, 20, 60, 90)),
    ((10, 20, 50, 80), (0, 20, 50, 90)),
    ((5, 5, 5, 5), (0, 0, 10, 10)),  # no area
    ((0, 0, 10, 10), (5, 5, 5, 5)),
    ((0, 5, 10, 5), (0, 0, 10, 10)),  # no height
    ((5, 5, 5, 5), (5, 5, 5, 5)),
    ((5, 5, 5, 5), (9, 7, 9, 7)),
    ((0.5, 0.25, 0.5009765625, 0.2509765625), (0.5, 0.25, 0.501953125, 0.25048828125)),
    ((0, 0, 8192, 8192), (8191, 8191, 8192, 8192)),
    ((-40, -30, -8, -2), (-20, -40, 4, -16)),
]


def random_boxes(n, seed, reach=400, side=150):
    """Corners in 0..reach, sides in 4..side."""
    s = series((n, 4), seed) / 2 + np.float32(0.5)
    low = s[:, :2] * np.float32(reach)
    return np.concatenate((low, low + 4 + s[:, 2:] * np.float32(side - 4)), 1)


def giou(dtype):
    pairs = np.float32(GIOU_PAIRS)
    random = random_boxes(30, 6000), random_boxes(30, 6001)
    boxes, targets = (np.concatenate((pairs[:, i], random[i])) for i in range(2))
    x = leaf(boxes, dtype)
    loss = generalized_box_iou_loss(x, torch.tensor(targets, dtype=dtype))
    loss.sum().backward()
    yield "giou.boxes", x
    yield "giou.targets", torch.tensor(targets, dtype=dtype)
    yield "giou.loss", loss
    yield "giou.dboxes", x.grad


CLAMP = 4.135166556742356  # log(1000 / 16)


def coder_inputs(dtype):
    """Anchors, boxes near them, deltas; some dw and dh at the clamp and over it."""
    anchors = random_boxes(24, 6100)
    sides = np.tile(anchors[:, 2:] - anchors[:, :2], 2)
    boxes = anchors + series((24, 4), 6101) * np.float32(0.25) * sides
    deltas = series((24, 4), 6102).astype(np.float64)
    deltas[20, 2], deltas[21, 3], deltas[22, 2:], deltas[23, 2] = CLAMP, CLAMP, (4.25, 100), -30
    deltas[0] = 0
    boxes[0] = anchors[0] = (16, 32, 48, 96)  # all four edges meet
    return (torch.tensor(v, dtype=dtype) for v in (anchors, boxes, deltas))


def box_coder(dtype):
    anchors, boxes, deltas = coder_inputs(dtype)
    coder = BoxCoder((1.0, 1.0, 1.0, 1.0))
    yield "coder.anchors", anchors
    yield "coder.boxes", boxes
    yield "coder.deltas", deltas
    yield "coder.encoded", coder.encode_single(boxes, anchors)
    yield "coder.decoded", coder.decode_single(deltas, anchors)
    kinds = [("smooth_l1", 1 / 9), ("smooth_l1", 1.0), ("l1", 0), ("giou", 0)]
    for i, (kind, beta) in enumerate(kinds):
        x = deltas.clone().requires_grad_()
        loss = _box_loss(kind, coder, anchors, boxes, x, {"beta": beta})
        loss.backward()
        yield f"box_loss.{i}.sum", loss.reshape(1)
        yield f"box_loss.{i}.ddeltas", x.grad


# ---- anchors ----

PAPER = [32, 64, 128, 256, 512]
SCALES = [1.0, 2 ** (1 / 3), 2 ** (2 / 3)]
# the padded picture; base sides, scales, ratios; the grids of P3..P7, by default each half of the
# one before, rounded up; whether all corners are stored, or their checksum alone
ANCHORS = [
    ((64, 96), PAPER, SCALES, [0.5, 1.0, 2.0], None, False),
    ((32, 64), PAPER, SCALES, [0.5, 1.0, 2.0], None, True),
    ((800, 1344), PAPER, SCALES, [0.5, 1.0, 2.0], None, False),
    ((1344, 800), PAPER, SCALES, [0.5, 1.0, 2.0], None, False),
    ((608, 416), PAPER, SCALES, [0.5, 1.0, 2.0], None, False),
    ((77, 53), [9, 17, 40, 75, 201], [1.0, 1.5], [0.25, 0.5, 1.0, 3.0],
     ((7, 3), (5, 4), (2, 3), (1, 2), (1, 1)), True),
    ((500, 333), [10, 21, 43, 85, 171], [1.0], [0.3, 1.0, 1.7, 2.5],
     ((63, 42), (32, 21), (16, 11), (8, 6), (4, 3)), False),
]


def anchors():
    for i, (size, sides, scales, ratios, grids, stored) in enumerate(ANCHORS):
        if not grids:
            grids = [tuple(-(-s // (8 << l)) for s in size) for l in range(5)]
        maker = AnchorGenerator(tuple(tuple(int(s * k) for k in scales) for s in sides),
                                (tuple(ratios),) * 5)
        image = ImageList(torch.zeros(1, 1, *size), [size])
        corners = maker(image, [torch.zeros(1, 1, *g) for g in grids])[0].numpy()
        assert corners.dtype == np.float32 and (corners == np.round(corners)).all()
        yield f"anchor.{i}.dims", np.int32([*size, *np.ravel(grids)])
        for name, value in (("sides", sides), ("scales", scales), ("ratios", ratios)):
            yield f"anchor.{i}.{name}", torch.tensor(value, dtype=torch.float64)
        yield f"anchor.{i}.crc32", np.uint32([zlib.crc32(corners.tobytes())]).view(np.int32)
        if stored:
            yield f"anchor.{i}.corners", corners.astype(np.int32)


# ---- matcher ----


def whole_boxes(n, seed, reach=12, side=8):
    """Corners that are whole numbers: many IoUs are equal."""
    s = np.floor((series((n, 4), seed) + 1) / 2 * np.float32([reach, reach, side, side]))
    return np.concatenate((s[:, :2], s[:, :2] + 1 + s[:, 2:]), 1)


# boxes, anchors
SCENES = [
    (random_boxes(5, 7000, 300), random_boxes(100, 7001, 300)),
    (random_boxes(9, 7002, 60), random_boxes(100, 7003, 60)),
    (whole_boxes(6, 7010), whole_boxes(80, 7011)),
    (whole_boxes(9, 7020), whole_boxes(80, 7021)),
    # two boxes alike, anchors that tie for a box's best, one that has more of another box
    (np.float32([(0, 0, 10, 10), (0, 0, 10, 10), (40, 0, 60, 10)]),
     np.float32([(0, 0, 10, 5), (0, 5, 10, 10), (40, 0, 44, 10), (56, 0, 60, 10), (50, 0, 55, 10),
                 (0, 0, 10, 4), (0, 0, 10, 3.9921875)])),
    (np.zeros((0, 4), np.float32), random_boxes(9, 7031)),
    # the named exception: box 1 overlaps nothing
    (np.float32([(0, 0, 10, 10), (500, 500, 520, 520)]),
     np.float32([(0, 0, 10, 9), (0, 0, 10, 3), (100, 100, 110, 110), (200, 0, 230, 20)])),
]


def matches():
    """RetinaNet's: it answers for pictures without boxes, which Matcher refuses."""
    head = SimpleNamespace(compute_loss=lambda targets, outputs, anchors, matched: matched)
    for i, (boxes, prior) in enumerate(SCENES):
        yield f"match.{i}.boxes", torch.tensor(boxes)
        yield f"match.{i}.anchors", torch.tensor(prior)
        for name, low_quality in (("plain", False), ("low_quality", True)):
            net = SimpleNamespace(proposal_matcher=Matcher(0.5, 0.4, low_quality), head=head)
            targets = [{"boxes": torch.tensor(boxes)}]
            matched = RetinaNet.compute_loss(net, targets, None, [torch.tensor(prior)])[0]
            yield f"match.{i}.{name}", matched.numpy().astype(np.int32)


# ---- suppression and what stands before it ----


def quarters(x):
    return np.round(x * 4) / 4


# boxes, logits, labels; equal logits tie, many IoUs are exactly .3, .5 or .6
RIVALS = [
    (whole_boxes(40, 7100), series((40,), 7101) * 6, np.arange(40) % 3),
    (whole_boxes(40, 7110), steps(series((40,), 7111), 5) * 4, np.arange(40) % 2),
    (quarters(random_boxes(60, 7120, 120, 90)), steps(series((60,), 7121), 16), np.arange(60) % 4),
    # equal boxes; IoU 3/10, 1/2, 6/10 with the first
    (np.float32([(0, 0, 10, 10)] * 4 + [(0, 0, 10, h) for h in (3, 5, 6, 9)]),
     np.float32([2, 2, 2, 1, 0.5, 0.25, 0.125, 0]), np.array([0, 1, 0, 2, 0, 0, 0, 0])),
    (np.float32([(3, 4, 8, 9)]), np.float32([-2]), np.array([1])),
]
THRESHOLDS = [0.3, 0.5, 0.6, 0.45, 0.7, 1.0]


def suppression():
    for i, (boxes, logits, labels) in enumerate(RIVALS):
        b, x, k = torch.tensor(boxes), torch.tensor(np.float32(logits)), torch.tensor(labels)
        yield f"nms.{i}.boxes", b
        yield f"nms.{i}.logits", x
        yield f"nms.{i}.labels", labels.astype(np.int32)
        for j, iou in enumerate(THRESHOLDS):
            yield f"nms.{i}.all.{j}", nms(b, x.sigmoid(), iou).numpy().astype(np.int32)
            yield f"nms.{i}.class.{j}", batched_nms(b, x.sigmoid(), k, iou).numpy().astype(np.int32)
    yield "nms.thresholds", torch.tensor(THRESHOLDS, dtype=torch.float64)


def postprocessing():
    """RetinaNet.postprocess_detections of two levels, three classes; 40 candidates a level."""
    net = SimpleNamespace(score_thresh=0.05, topk_candidates=40, nms_thresh=0.5,
                          detections_per_img=30, box_coder=BoxCoder((1.0, 1.0, 1.0, 1.0)))
    prior = [random_boxes(n, 7200 + n, 180, 90) for n in (50, 12)]
    logits = [series((1, n, 3), 7300 + n) * 4 for n in (50, 12)]
    deltas = [series((1, n, 4), 7400 + n) / 2 for n in (50, 12)]
    heads = {"cls_logits": [torch.tensor(v) for v in logits],
             "bbox_regression": [torch.tensor(v) for v in deltas]}
    found = RetinaNet.postprocess_detections(net, heads, [[torch.tensor(v) for v in prior]],
                                             [(200, 240)])[0]
    for l in range(2):
        yield f"post.{l}.anchors", torch.tensor(prior[l])
        yield f"post.{l}.logits", torch.tensor(logits[l][0])
        yield f"post.{l}.deltas", torch.tensor(deltas[l][0])
    yield "post.boxes", found["boxes"]
    yield "post.scores", found["scores"]
    yield "post.labels", found["labels"].numpy().astype(np.int32)


def detection(dtype):
    for part in (focal_of_torch, smooth_l1, giou, box_coder):
        yield from part(dtype)
    for part in (focal_closed, focal_in_float32, anchors, matches, suppression, postprocessing):
        yield from part()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], __file__, detection, np.float64))
