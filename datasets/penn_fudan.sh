# shellcheck shell=bash disable=SC2034,SC2154 # read by fetch.sh, which sets $out
# Penn-Fudan pedestrians: text files to COCO json, one split. The lines that count of a file in Annotation/:
#
#     Image filename : "PennFudanPed/PNGImages/FudanPed00001.png"
#     Image size (X x Y x C) : 559 x 536 x 3
#     Bounding box for object 1 "PASpersonWalking" (Xmin, Ymin) - (Xmax, Ymax) : (160, 182) - (302, 431)
#
# Pixels count from 1 and both ends belong to the box. The number of objects that a file states is not always that of its boxes.
licence='copyright of its authors; in most cases not to be reposted'
archives=(https://www.cis.upenn.edu/~jshi/ped_html/PennFudanPed.zip)
sums=(none)

layout() {
    unpack "$1"
    enter PennFudanPed
    mv PNGImages "$out/images"
    if [ -f readme.txt ]; then mv readme.txt "$out"; fi
    awk -v OFS='\t' '
        function numbers() { # what stands behind the last " : ", into v
            sub(/.* : /, "")
            gsub(/[^0-9]+/, " ")
            return split($0, v, " ")
        }
        /^Image filename/ { split($0, quoted, "\""); n = split(quoted[2], part, "/") }
        /^Image size/ && numbers() == 3 { print "image", "all", part[n], v[1], v[2] }
        /^Bounding box/ && numbers() == 4 { print "box", 1, v[1] - 1, v[2] - 1, v[3] - v[1] + 1, v[4] - v[2] + 1 }
        ' Annotation/*.txt >../rows
    write_coco pedestrian <../rows
}
