# shellcheck shell=bash disable=SC2034,SC2154 # read by fetch.sh, which sets $out
# PASCAL VOC 2007: both archives unpack into one tree; what is for segmentation and layout is left out.
# The sums are those of the checksum list of TensorFlow Datasets (url_checksums/voc.txt).
licence="photographs from flickr, under its terms of use"
archives=(
    http://host.robots.ox.ac.uk/pascal/VOC/voc2007/VOCtrainval_06-Nov-2007.tar
    http://host.robots.ox.ac.uk/pascal/VOC/voc2007/VOCtest_06-Nov-2007.tar
)
sums=(
    7d8cd951101b0957ddfd7a530bdc8a94f06121cfc1e511bb5937e973020c7508
    6836888e2e01dca84577a849d339fa4f73e1e4f135d312430c4856b5609b4892
)

layout() {
    local archive
    for archive in "$@"; do
        unpack "$archive" VOCdevkit/VOC2007/{Annotations,ImageSets/Main,JPEGImages}
    done
    enter VOCdevkit/VOC2007
    mv Annotations ImageSets JPEGImages "$out"
}
