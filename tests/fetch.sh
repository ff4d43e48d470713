#!/usr/bin/env bash
# datasets/fetch.sh with tiny archives that are built like the originals: what it lays out, what train says to it, what it refuses.
#
#     tests/fetch.sh
#
# Needs no network: where something is to be downloaded, a curl or wget of the test's own stands first in PATH. The programs are
# those in $RN_BIN, else in build/bin. Prints a line a failure; exit 1 if there was one.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=${RN_BIN:-$root/build/bin}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
passed=0 failed=0

# equal WHAT GOT WANT
equal() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n--- got\n%s\n--- want\n%s\n' "$1" "$2" "$3"
    fi
}

# fetch ARGUMENT...: exit code in $code, what was said in $said (sums cut short, the temporary folder as ".")
fetch() {
    code=0
    "$root/datasets/fetch.sh" "$@" >said 2>&1 </dev/null || code=$?
    said=$(sed -E "s,$work,.,g; s/[0-9a-f]{64}/SUM/g" said)
}

# refused WHAT CODE TEXT ARGUMENT...: one line, and nothing is left in the folder out/
refused() {
    local what=$1 want="$2 fetch.sh: error: $3"
    shift 3
    rm -rf out && mkdir out
    fetch "$@"
    equal "$what" "$code $(grep -v '^getting\|^sha256' <<<"$said")" "$want"
    equal "$what: nothing left" "$(ls -A out)" ''
}

# laid_out SET FILES DATA ARCHIVE [--sha256 SUM]...: that it is laid out so, and that train finds so much in it
laid_out() {
    local name=$1 files=$2 data=$3 from=() n=0 archive
    shift 3
    for archive in "$@"; do
        case $archive in
        *.tgz | *.zip | *.tar)
            from+=(--from)
            n=$((n + 1))
            ;;
        esac
        from+=("$archive")
    done
    mkdir -p sets
    fetch "$name" -o "sets/$name" "${from[@]}"
    equal "$name: exit code" "$code" 0
    equal "$name: files" "$(cd "sets/$name" && find . -type f | sort)" "$files"
    equal "$name: what it says" "$(tail -n 1 <<<"$said" | sed 's/;.*//')" "$name: $(grep -c '[.]jpg\|[.]png' <<<"$files") pictures in ./sets/$name"
    equal "$name: SOURCE" "$(head -n 1 "sets/$name/SOURCE") $(grep -cE '^[0-9a-f]{64}  .' "sets/$name/SOURCE")" "$name $n"
    local split=()
    if [ "$name" = coco_val2017 ]; then split=(--train-split val2017); fi # val is all it has
    equal "$name: train" "$("$bin/train" "sets/$name" --dry-run --preset nano --size 64 "${split[@]}" 2>&1 | head -n 1)" "data        $data"
}

sum() { sha256sum "$1" | cut -d ' ' -f 1; }

# ---- pictures ----

"$bin/scenes" -o s --train 1 --val 0 --size 64x48 --no-masks -q
"$bin/scenes" -o big --train 1 --val 0 --size 640 --no-masks -q
jpg=s/images/train_000000.jpg

# voc FILE NAME CLASS XMIN YMIN XMAX YMAX
voc() {
    mkdir -p "$(dirname "$1")"
    cat >"$1" <<END
<annotation verified="yes">
    <folder>JPEGImages</folder>
    <filename>$2</filename>
    <size>
        <width>64</width>
        <height>48</height>
        <depth>3</depth>
    </size>
    <object>
        <name>$3</name>
        <difficult>0</difficult>
        <bndbox>
            <xmin>$4</xmin>
            <ymin>$5</ymin>
            <xmax>$6</xmax>
            <ymax>$7</ymax>
        </bndbox>
    </object>
</annotation>
END
}

# ---- bccd ----

up=BCCD_Dataset-d272fb14cdff6e473fafeeeba32aba5f560e9e43
mkdir -p $up/BCCD/{ImageSets/Main,JPEGImages}
for i in 0 1 2; do
    voc $up/BCCD/Annotations/BloodImage_0000$i.xml BloodImage_0000$i.jpg RBC 3 4 40 30
    cp $jpg $up/BCCD/JPEGImages/BloodImage_0000$i.jpg
done
printf 'BloodImage_0000%d\n' 0 1 >$up/BCCD/ImageSets/Main/train.txt
printf 'BloodImage_0000%d\n' 2 >$up/BCCD/ImageSets/Main/val.txt
touch $up/LICENSE $up/README.md
tar -czf bccd.tgz $up
laid_out bccd './Annotations/BloodImage_00000.xml
./Annotations/BloodImage_00001.xml
./Annotations/BloodImage_00002.xml
./ImageSets/Main/train.txt
./ImageSets/Main/val.txt
./JPEGImages/BloodImage_00000.jpg
./JPEGImages/BloodImage_00001.jpg
./JPEGImages/BloodImage_00002.jpg
./LICENSE
./SOURCE' '2 pictures to train on (0 without objects), 2 boxes, 1 classes; 1 to validate' bccd.tgz

# ---- raccoon ----

up=raccoon_dataset-master
mkdir -p $up/images $up/data
for i in 1 2 3 4; do # the hashes of three of the names happen to say val
    voc $up/annotations/raccoon-$i.xml raccoon-$i.jpg raccoon 3 4 40 30
    cp $jpg $up/images/raccoon-$i.jpg
done
touch $up/LICENSE $up/data/raccoon_labels.csv
tar -czf raccoon.tgz $up
laid_out raccoon './LICENSE
./SOURCE
./annotations/raccoon-1.xml
./annotations/raccoon-2.xml
./annotations/raccoon-3.xml
./annotations/raccoon-4.xml
./images/raccoon-1.jpg
./images/raccoon-2.jpg
./images/raccoon-3.jpg
./images/raccoon-4.jpg' '1 pictures to train on (0 without objects), 1 boxes, 1 classes; 3 to validate' raccoon.tgz

# ---- deeppcb ----

up=DeepPCB-08e98c4db5922613fb97176eb3d6497d48260cb1
pcb=$up/PCBData
mkdir -p $pcb/group{00041/00041,00041/00041_not,12000/12000,12000/12000_not}
for i in group00041/00041/00041000 group00041/00041/00041001 group12000/12000/12000187; do
    cp big/images/train_000000.jpg $pcb/${i}_test.jpg
    touch $pcb/${i}_temp.jpg
done
touch $up/LICENSE
printf '466 441 493 470 3\n454 300 493 396 2\n' >$pcb/group00041/00041_not/00041000.txt
printf '539 259 592 316 1' >$pcb/group00041/00041_not/00041001.txt
printf '10 20 30 45 6\r\n' >$pcb/group12000/12000_not/12000187.txt
# neither sorted, nor with a newline at the end
for i in 00041001 00041000; do echo "group00041/00041/$i.jpg group00041/00041_not/$i.txt"; done >$pcb/trainval.txt
printf 'group12000/12000/12000187.jpg group12000/12000_not/12000187.txt' >$pcb/test.txt
tar -czf deeppcb.tgz $up
laid_out deeppcb './LICENSE
./SOURCE
./images/00041000.jpg
./images/00041001.jpg
./images/12000187.jpg
./test.json
./trainval.json' '2 pictures to train on (0 without objects), 3 boxes, 6 classes; 1 to validate' deeppcb.tgz
classes='"categories": [{"id": 1, "name": "open"}, {"id": 2, "name": "short"}, {"id": 3, "name": "mousebite"}, {"id": 4, "name": "spur"}, {"id": 5, "name": "copper"}, {"id": 6, "name": "pin-hole"}]}'
equal 'deeppcb: trainval.json' "$(tail -n +2 sets/deeppcb/trainval.json)" '"images": [
{"id": 1, "file_name": "00041001.jpg", "width": 640, "height": 640},
{"id": 2, "file_name": "00041000.jpg", "width": 640, "height": 640}],
"annotations": [
{"id": 1, "image_id": 1, "category_id": 1, "bbox": [539, 259, 53, 57], "area": 3021, "iscrowd": 0},
{"id": 2, "image_id": 2, "category_id": 3, "bbox": [466, 441, 27, 29], "area": 783, "iscrowd": 0},
{"id": 3, "image_id": 2, "category_id": 2, "bbox": [454, 300, 39, 96], "area": 3744, "iscrowd": 0}],
'"$classes"
equal 'deeppcb: test.json goes on counting' "$(tail -n +2 sets/deeppcb/test.json)" '"images": [
{"id": 3, "file_name": "12000187.jpg", "width": 640, "height": 640}],
"annotations": [
{"id": 4, "image_id": 3, "category_id": 6, "bbox": [10, 20, 20, 25], "area": 500, "iscrowd": 0}],
'"$classes"
printf '10 20 30 45 7\n' >$pcb/group12000/12000_not/12000187.txt
tar -czf bad.tgz $up
refused 'deeppcb: a seventh class' 2 'deeppcb: cannot be laid out: a class that is not known, on image 3' deeppcb -o out/x --from bad.tgz
rm $pcb/group12000/12000_not/12000187.txt
tar -czf bad.tgz $up
refused 'deeppcb: no text file' 2 'deeppcb: cannot be laid out: group12000/12000_not/12000187.txt: cannot be read' deeppcb -o out/x --from bad.tgz
rm $pcb/group12000/12000/12000187_test.jpg
tar -czf bad.tgz $up
refused 'deeppcb: no picture' 2 "deeppcb: cannot be laid out: mv: cannot stat 'group12000/12000/12000187_test.jpg': No such file or directory" \
    deeppcb -o out/x --from bad.tgz

# ---- license_plate ----

up=license-plate-dataset-f00f309e4564e7f386fd7641569d861e2910d65f
mkdir -p $up/dataset/{train,valid}/images
touch $up/LICENSE
plate() { # PART CLIP SECOND: the second is the left of its box too, and the file's size tells the picture
    voc "$up/dataset/$1/annots/$2.mp4#t=$3.xml" "$2.mp4#t=$3.jpg" license-plate "$3.7990779869382" 13.60655737704917 47.73799462159053 30
    (cat $jpg && head -c "$3" /dev/zero) >"$up/dataset/$1/images/$2.mp4#t=$3.jpg"
}
for i in 10 2 9 33 7; do plate train dayride_type1_001 $i; done
plate valid dayride_type1_001 8
for i in 3 4; do plate valid nightride_type3_001 $i; done
tar -czf license_plate.tgz $up
laid_out license_plate './LICENSE
./SOURCE
./images/dayride_type1_001_00002.0.jpg
./images/dayride_type1_001_00007.0.jpg
./images/dayride_type1_001_00008.0.jpg
./images/dayride_type1_001_00009.0.jpg
./images/dayride_type1_001_00010.0.jpg
./images/dayride_type1_001_00033.0.jpg
./images/nightride_type3_001_00003.0.jpg
./images/nightride_type3_001_00004.0.jpg
./train.json
./val.json' '5 pictures to train on (0 without objects), 5 boxes, 1 classes; 3 to validate' license_plate.tgz
equal 'license_plate: val.json, the end of each clip' "$(tail -n +2 sets/license_plate/val.json)" '"images": [
{"id": 5, "file_name": "dayride_type1_001_00010.0.jpg", "width": 64, "height": 48},
{"id": 6, "file_name": "dayride_type1_001_00033.0.jpg", "width": 64, "height": 48},
{"id": 8, "file_name": "nightride_type3_001_00004.0.jpg", "width": 64, "height": 48}],
"annotations": [
{"id": 5, "image_id": 5, "category_id": 1, "bbox": [10.8, 13.61, 36.94, 16.39], "area": 605.45, "iscrowd": 0},
{"id": 6, "image_id": 6, "category_id": 1, "bbox": [33.8, 13.61, 13.94, 16.39], "area": 228.48, "iscrowd": 0},
{"id": 8, "image_id": 8, "category_id": 1, "bbox": [4.8, 13.61, 42.94, 16.39], "area": 703.79, "iscrowd": 0}],
"categories": [{"id": 1, "name": "license-plate"}]}'
size=$(stat -c %s $jpg)
equal 'license_plate: each picture has its own name' \
    "$(cd sets/license_plate/images && stat -c %s -- *_00002.0.jpg *_00008.0.jpg *_00033.0.jpg *_00004.0.jpg | paste -sd ' ')" \
    "$((size + 2)) $((size + 8)) $((size + 33)) $((size + 4))"

# ---- penn_fudan ----

up=PennFudanPed
mkdir -p $up/{Annotation,PNGImages,PedMasks}
penn() { # NAME BOX...
    local name=$1 box
    shift
    cat <<END
# Compatible with PASCAL Annotation Version 1.00
Image filename : "PennFudanPed/PNGImages/$name.png"
Image size (X x Y x C) : 64 x 48 x 3
Database : "The Penn-Fudan-Pedestrian Database"
Objects with ground truth : 30 { "PASpersonWalking" "PASpersonWalking" }
# Top left pixel co-ordinates : (1, 1)
END
    for box in "$@"; do
        cat <<END
# Details for pedestrian 1 ("PASpersonWalking")
Original label for object 1 "PASpersonWalking" : "PennFudanPed"
Bounding box for object 1 "PASpersonWalking" (Xmin, Ymin) - (Xmax, Ymax) : $box
Pixel mask for object 1 "PASpersonWalking" : "PennFudanPed/PedMasks/${name}_mask.png"

END
    done
}
for i in FudanPed00001 FudanPed00002 PennPed00001; do cp $jpg $up/PNGImages/$i.png; done # the content counts, not the name
penn FudanPed00001 '(16, 18) - (30, 43)' '(42, 17) - (53, 48)' >$up/Annotation/FudanPed00001.txt
penn FudanPed00002 '(1, 1) - (64, 48)' >$up/Annotation/FudanPed00002.txt
penn PennPed00001 '(3, 4) - (5, 6)' | sed 's/$/\r/' >$up/Annotation/PennPed00001.txt
touch $up/readme.txt $up/PedMasks/FudanPed00001_mask.png
python3 -m zipfile -c penn_fudan.zip $up
laid_out penn_fudan './SOURCE
./all.json
./images/FudanPed00001.png
./images/FudanPed00002.png
./images/PennPed00001.png
./readme.txt' '3 pictures to train on (0 without objects), 4 boxes, 1 classes; 0 to validate' penn_fudan.zip
equal 'penn_fudan: all.json' "$(tail -n +2 sets/penn_fudan/all.json)" '"images": [
{"id": 1, "file_name": "FudanPed00001.png", "width": 64, "height": 48},
{"id": 2, "file_name": "FudanPed00002.png", "width": 64, "height": 48},
{"id": 3, "file_name": "PennPed00001.png", "width": 64, "height": 48}],
"annotations": [
{"id": 1, "image_id": 1, "category_id": 1, "bbox": [15, 17, 15, 26], "area": 390, "iscrowd": 0},
{"id": 2, "image_id": 1, "category_id": 1, "bbox": [41, 16, 12, 32], "area": 384, "iscrowd": 0},
{"id": 3, "image_id": 2, "category_id": 1, "bbox": [0, 0, 64, 48], "area": 3072, "iscrowd": 0},
{"id": 4, "image_id": 3, "category_id": 1, "bbox": [2, 3, 3, 3], "area": 9, "iscrowd": 0}],
"categories": [{"id": 1, "name": "pedestrian"}]}'

# ---- voc2007: two archives of one tree ----

up=VOCdevkit/VOC2007
mkdir -p $up/{ImageSets/Main,ImageSets/Segmentation,JPEGImages,SegmentationClass}
touch $up/SegmentationClass/000005.png
for i in 000005 000007; do
    voc $up/Annotations/$i.xml $i.jpg chair 3 4 40 30
    cp $jpg $up/JPEGImages/$i.jpg
done
echo 000005 >$up/ImageSets/Main/train.txt
echo 000007 >$up/ImageSets/Main/val.txt
echo '000005 -1' >$up/ImageSets/Main/car_train.txt
tar -cf voc_trainval.tar VOCdevkit
rm -r VOCdevkit
mkdir -p $up/{ImageSets/Main,JPEGImages}
voc $up/Annotations/000001.xml 000001.jpg dog 3 4 40 30
cp $jpg $up/JPEGImages/000001.jpg
echo 000001 >$up/ImageSets/Main/test.txt
tar -cf voc_test.tar VOCdevkit
laid_out voc2007 './Annotations/000001.xml
./Annotations/000005.xml
./Annotations/000007.xml
./ImageSets/Main/car_train.txt
./ImageSets/Main/test.txt
./ImageSets/Main/train.txt
./ImageSets/Main/val.txt
./JPEGImages/000001.jpg
./JPEGImages/000005.jpg
./JPEGImages/000007.jpg
./SOURCE' '1 pictures to train on (0 without objects), 1 boxes, 1 classes; 1 to validate' \
    voc_trainval.tar --sha256 "$(sum voc_trainval.tar)" voc_test.tar --sha256 none
refused 'voc2007: a sum that is not the published one' 2 'voc_trainval.tar: wrong SHA-256: cut, changed or not this archive (got SUM, want SUM)' \
    voc2007 -o out/x --from voc_trainval.tar --from voc_test.tar
refused 'voc2007: a wrong sum of the second' 2 'voc_test.tar: wrong SHA-256: cut, changed or not this archive (got SUM, want SUM)' \
    voc2007 -o out/x --from voc_trainval.tar --sha256 none --from voc_test.tar --sha256 "$(sum voc_trainval.tar)"

# ---- coco_val2017 ----

mkdir val2017 annotations
cp $jpg val2017/000000000139.jpg
echo '{"images": [{"id": 139, "file_name": "000000000139.jpg", "width": 64, "height": 48}],
"annotations": [{"id": 1, "image_id": 139, "category_id": 18, "bbox": [3, 4, 20, 20], "area": 400, "iscrowd": 0}],
"categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}]}' >annotations/instances_val2017.json
touch annotations/captions_val2017.json
python3 -m zipfile -c coco_pictures.zip val2017
python3 -m zipfile -c coco_annotations.zip annotations
laid_out coco_val2017 './SOURCE
./annotations/instances_val2017.json
./val2017/000000000139.jpg' '1 pictures to train on (0 without objects), 1 boxes, 2 classes; 1 to validate' \
    coco_pictures.zip --sha256 none coco_annotations.zip --sha256 "$(sum coco_annotations.zip)"
refused 'coco_val2017: a sum that is not the published one' 2 \
    'coco_pictures.zip: wrong SHA-256: cut, changed or not this archive (got SUM, want SUM)' \
    coco_val2017 -o out/x --from coco_pictures.zip --from coco_annotations.zip

# ---- a set that is there ----

touch sets/bccd/mine
fetch bccd -o sets/bccd --from bccd.tgz
equal 'a second run keeps what is there' "$code $said $(cd sets/bccd && find . -type f | wc -l)" '0 bccd: ./sets/bccd is there already 11'
fetch raccoon -o sets/bccd --from raccoon.tgz
equal 'another set of that folder' "$code $said" '1 fetch.sh: error: ./sets/bccd exists, and is not raccoon from here'
mkdir photos
fetch raccoon -o photos --from raccoon.tgz
equal 'a folder of something else' "$code $said $(ls -A photos)" '1 fetch.sh: error: ./photos exists, and is not raccoon from here '
fetch bccd -o sets/bccd -o sets/again --from "file://$work/bccd.tgz"
equal 'file://, and the last -o counts' "$code $(diff -r sets/bccd sets/again | grep -v SOURCE | grep -v '^[-0-9<>]')" '0 Only in sets/bccd: mine'

# ---- what is cut, not there or not an archive ----

for i in bccd.tgz penn_fudan.zip voc_trainval.tar; do head -c "$(($(stat -c %s $i) * 2 / 3))" $i >cut_$i; done
refused 'a cut tar.gz' 2 'bccd: cannot be laid out: cut_bccd.tgz: cannot be unpacked: gzip: stdin: unexpected end of file' \
    bccd -o out/x --from cut_bccd.tgz
refused 'a cut zip' 2 "penn_fudan: cannot be laid out: cut_penn_fudan.zip: cannot be unpacked: \
End-of-central-directory signature not found.  Either this file is not" \
    penn_fudan -o out/x --from cut_penn_fudan.zip
refused 'a cut tar' 2 'voc2007: cannot be laid out: cut_voc_trainval.tar: cannot be unpacked: tar: Unexpected EOF in archive' \
    voc2007 -o out/x --from cut_voc_trainval.tar --sha256 none --from voc_test.tar --sha256 none
echo '<html>404</html>' >page.tgz
refused 'no archive' 2 'bccd: cannot be laid out: page.tgz: cannot be unpacked: tar: This does not look like a tar archive' \
    bccd -o out/x --from page.tgz
refused 'another archive' 2 'bccd: cannot be laid out: no folder BCCD_Dataset-* in the archive' bccd -o out/x --from raccoon.tgz
refused 'a file that is not there' 2 'nowhere.tgz: cannot be read' bccd -o out/x --from nowhere.tgz
refused 'a folder that is not there' 5 './nowhere: cannot write there' bccd -o nowhere/x --from bccd.tgz

# ---- downloads: a curl of our own ----

tools=$work/tools
mkdir "$tools"
for i in awk basename bash cat chmod cp cut dirname env find grep gzip head ls mkdir mktemp mv realpath rm sed sha256sum sort tail tar tr wc; do
    ln -s "$(command -v $i)" "$tools"
done
program() { # NAME: from stdin
    cat >"$tools/$1"
    chmod +x "$tools/$1"
}
real=$PATH
export PATH=$tools

refused 'neither curl nor wget' 5 'curl or wget is needed: apt-get install curl' bccd -o out/x
refused 'no unzip' 5 'penn_fudan: cannot be laid out: unzip is needed: apt-get install unzip' penn_fudan -o out/x --from penn_fudan.zip
program wget <<'END'
#!/usr/bin/env bash
[ "$2" = "--output-document=${2#*=}" ] && cp bccd.tgz "${2#*=}" && echo "$3" >>asked
END
fetch bccd -o out/wget
equal 'wget where there is no curl' "$code $(cat asked) $(wc -l <out/wget/ImageSets/Main/train.txt)" \
    '0 https://github.com/Shenggan/BCCD_Dataset/archive/d272fb14cdff6e473fafeeeba32aba5f560e9e43.tar.gz 2'
program curl <<'END'
#!/usr/bin/env bash
[ "$1 $2 $3 $4 $5 $6 $7" = "--fail --location --retry 3 --silent --show-error --output" ] && echo "$9" >>asked && cp bccd.tgz "$8"
END
rm asked
for i in bccd raccoon deeppcb license_plate penn_fudan; do fetch $i -o out/$i; done
wrong='wrong SHA-256: cut, changed or not this archive (got SUM, want SUM)' # then the second is not asked for
refused 'voc2007: a home that lies' 2 "http://host.robots.ox.ac.uk/pascal/VOC/voc2007/VOCtrainval_06-Nov-2007.tar: $wrong" \
    voc2007 -o out/x
refused 'coco_val2017: a home that lies' 2 "http://images.cocodataset.org/zips/val2017.zip: $wrong" coco_val2017 -o out/x
equal 'the homes' "$(cat asked)" 'https://github.com/Shenggan/BCCD_Dataset/archive/d272fb14cdff6e473fafeeeba32aba5f560e9e43.tar.gz
https://github.com/experiencor/raccoon_dataset/archive/master.tar.gz
https://github.com/tangsanli5201/DeepPCB/archive/08e98c4db5922613fb97176eb3d6497d48260cb1.tar.gz
https://github.com/RobertLucian/license-plate-dataset/archive/f00f309e4564e7f386fd7641569d861e2910d65f.tar.gz
https://www.cis.upenn.edu/~jshi/ped_html/PennFudanPed.zip
http://host.robots.ox.ac.uk/pascal/VOC/voc2007/VOCtrainval_06-Nov-2007.tar
http://images.cocodataset.org/zips/val2017.zip'
program curl <<'END'
#!/usr/bin/env bash
head -c 1000 bccd.tgz >"$8"
echo 'curl: (18) transfer closed with 5000 bytes remaining to read' >&2
exit 18
END
refused 'a cut download' 5 'http://x/b.tgz: not downloaded: curl: (18) transfer closed with 5000 bytes remaining to read' \
    bccd -o out/x --from http://x/b.tgz
program curl <<'END'
#!/usr/bin/env bash
head -c 1000 bccd.tgz >"$8"
END
refused 'a cut download that curl did not see' 2 \
    'bccd: cannot be laid out: d272fb14cdff6e473fafeeeba32aba5f560e9e43.tar.gz: cannot be unpacked: gzip: stdin: unexpected end of file' \
    bccd -o out/x --from http://x/b.tgz
for signal in INT TERM HUP; do
    program curl <<END
#!/usr/bin/env bash
head -c 1000 bccd.tgz >"\$8"
kill -$signal "\$(cat pid)"
END
    rm -rf out && mkdir out
    code=0
    { bash -c 'echo $$ >pid; exec "$@"' - "$root/datasets/fetch.sh" bccd -o out/x >said 2>&1 || code=$?; } 2>/dev/null
    equal "stopped by SIG$signal: nothing left" "$(ls -A out) $((code > 128))" ' 1'
done
PATH=$real

# ---- usage ----

rm -rf out && mkdir out
usage() { # TEXT ARGUMENT...
    local text=$1
    shift
    refused "usage: $*" 1 "$text" "$@"
}
usage 'no set named; see fetch.sh --help'
usage 'no set "cats"; see fetch.sh --help' cats
usage 'no set "fetch"; see fetch.sh --help' fetch
usage 'no set "../x"; see fetch.sh --help' ../x
usage 'one set at a time (got "bccd" and "raccoon")' bccd raccoon
usage 'unknown option "--form"; see fetch.sh --help' bccd --form x
usage '--from wants a value' bccd --from
usage '--sha256 stands behind the --from that it is for' bccd --sha256 none --from bccd.tgz
usage '--sha256 wants 64 hex digits or "none" (got "12")' bccd --from bccd.tgz --sha256 12
usage 'voc2007 is made of 2 archives: --from wanted for each of VOCtrainval_06-Nov-2007.tar VOCtest_06-Nov-2007.tar' voc2007 --from voc_test.tar
fetch --help
equal '--help names the sets' "$code $(sed -n '/^sets:/,$p' <<<"$said" | awk 'NR > 1 { print $1 }' | paste -sd ' ')" \
    '0 bccd coco_val2017 deeppcb license_plate penn_fudan raccoon voc2007'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
