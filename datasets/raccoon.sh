# shellcheck shell=bash disable=SC2034,SC2154 # read by fetch.sh, which sets $out
# Raccoons: VOC xml, moved as it is. No commit is known for certain, so it is the branch as it is today.
licence=MIT
archives=(https://github.com/experiencor/raccoon_dataset/archive/master.tar.gz)
sums=(none)

layout() {
    unpack "$1"
    enter raccoon_dataset-*
    mv annotations images LICENSE "$out"
}
