# shellcheck shell=bash disable=SC2034,SC2154 # read by fetch.sh, which sets $out
# COCO val2017: pictures and annotations under their own names.
# The sums are those of the checksum list of TensorFlow Datasets (url_checksums/coco2017.txt).
licence="annotations CC BY 4.0; photographs from flickr, under its terms of use"
archives=(
    http://images.cocodataset.org/zips/val2017.zip
    http://images.cocodataset.org/annotations/annotations_trainval2017.zip
)
sums=(
    4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05
    113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268
)

layout() {
    unpack "$1"
    unpack "$2" annotations/instances_val2017.json
    mv val2017 annotations "$out"
}
