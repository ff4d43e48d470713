# shellcheck shell=bash disable=SC2034,SC2154 # read by fetch.sh, which sets $out
# DeepPCB, defects of circuit boards: lists and text files to COCO json.
#
# A line of trainval.txt or test.txt is "group20085/20085/20085000.jpg group20085/20085_not/20085000.txt": no picture of that
# name is there, 20085000_test.jpg is the one with defects (20085000_temp.jpg, without, is not used). A line of the text file is
# "x1 y1 x2 y2 type". All pictures are 640 x 640.
licence='MIT; its README: for research only'
archives=(https://github.com/tangsanli5201/DeepPCB/archive/08e98c4db5922613fb97176eb3d6497d48260cb1.tar.gz)
sums=(none)

layout() {
    local split picture
    unpack "$1"
    enter DeepPCB-*
    mv LICENSE "$out"
    enter PCBData
    mkdir "$out/images"
    for split in trainval test; do
        tr -d '\r' <$split.txt | awk 'NF' >list
        while read -r picture _; do
            mv "${picture%.jpg}_test.jpg" "$out/images/${picture##*/}"
        done <list
        awk -v OFS='\t' -v split_name=$split '
            {
                n = split($1, part, "/")
                print "image", split_name, part[n], 640, 640
                while ((got = (getline line <$2)) > 0)
                    if (split(line, v, " ") >= 5) print "box", v[5] + 0, v[1], v[2], v[3] - v[1], v[4] - v[2]
                if (got < 0) {
                    print $2 ": cannot be read" >"/dev/stderr"
                    exit 1
                }
                close($2)
            }' list
    done >rows
    write_coco open short mousebite spur copper pin-hole <rows
}
