# shellcheck shell=bash disable=SC2034,SC2154 # read by fetch.sh, which sets $out
# License plates from a dashboard camera: VOC xml to COCO json.
#
# train/ and valid/ of the original mix neighbouring frames of the same four clips. Here the last fifth of each clip is val, so
# frames are sorted by clip and second; dayride_type1_001.mp4#t=119.jpg becomes dayride_type1_001_00119.0.jpg. Pictures keep
# their 1280 x 720 pixels. The boxes come from a tool that counts from 0: 1 is not subtracted.
licence=MIT
archives=(https://github.com/RobertLucian/license-plate-dataset/archive/f00f309e4564e7f386fd7641569d861e2910d65f.tar.gz)
sums=(none)

layout() {
    local xml new picture
    unpack "$1"
    enter license-plate-dataset-*
    mv LICENSE "$out"
    enter dataset
    mkdir "$out/images"
    find train valid -name '*.xml' | awk -v OFS='\t' '
        {
            n = split($0, part, "/")
            at = index(part[n], ".mp4#t=")
            print substr(part[n], 1, at - 1), substr(part[n], at + 7) + 0, $0
        }' | sort -t "$(printf '\t')" -k 1,1 -k 2,2n >frames # clip, second, xml
    awk -F '\t' -v OFS='\t' '
        NR == FNR { frames[$1]++; next }
        { print ++seen[$1] <= frames[$1] * 0.8 ? "train" : "val", sprintf("%s_%07.1f.jpg", $1, $2), $3 }
        ' frames frames >list # split, new name, xml
    while IFS=$'\t' read -r _ new xml; do
        picture=${xml/annots/images}
        mv "${picture%.xml}.jpg" "$out/images/$new"
    done <list
    awk -F '\t' -v OFS='\t' '
        {
            text = boxes = ""
            split("", v)
            while ((got = (getline line <$3)) > 0) text = text line
            if (got < 0) {
                print $3 ": cannot be read" >"/dev/stderr"
                exit 1
            }
            close($3)
            n = split(text, tag, "<")
            for (i = 1; i <= n; i++) {
                name = tag[i]
                sub(/>.*/, "", name)
                v[name] = substr(tag[i], length(name) + 2)
                if (name == "/object")
                    boxes = boxes sprintf("box\t%d\t%.10f\t%.10f\t%.10f\t%.10f\n", v["name"] ~ /^license-plate/, v["xmin"], v["ymin"],
                                          v["xmax"] - v["xmin"], v["ymax"] - v["ymin"])
            }
            print "image", $1, $2, v["width"] + 0, v["height"] + 0
            printf "%s", boxes
        }' list >rows
    write_coco license-plate <rows
}
