# shellcheck shell=bash disable=SC2034,SC2154 # read by fetch.sh, which sets $out
# BCCD, blood cells: VOC xml in BCCD/, moved as it is. No sum of the archive is published.
licence=MIT
archives=(https://github.com/Shenggan/BCCD_Dataset/archive/d272fb14cdff6e473fafeeeba32aba5f560e9e43.tar.gz)
sums=(none)

layout() {
    unpack "$1"
    enter BCCD_Dataset-*
    mv BCCD/Annotations BCCD/ImageSets BCCD/JPEGImages LICENSE "$out"
}
