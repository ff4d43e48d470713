#!/usr/bin/env bash
# fetch.sh NAME [-o FOLDER] [--from FILE|URL [--sha256 SUM]]...: download a public data set and lay it out as `train` takes it.
#
# Each set is a file NAME.sh beside this one; it says
#     licence    of the set, in words
#     archives   the URLs to get
#     sums       the SHA-256 of each; "none" where none is published: what was got is then only shown and noted
#     layout     a function that makes the set in $out: run in an empty folder, with the archives as its arguments
# Everything is made in a folder beside FOLDER that becomes FOLDER by one rename, so a run that fails or is stopped leaves nothing.
set -euo pipefail
export LC_ALL=C # awk and sort are to know decimal points only
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# fail CODE TEXT. 1: usage; 2: bad input; 5: a download or other input/output failed
fail() {
    echo "fetch.sh: error: $2" >&2
    exit "$1"
}

usage() {
    cat <<'END'
usage: fetch.sh NAME [-o FOLDER] [--from FILE|URL [--sha256 SUM]]...

options:
  -o, --output FOLDER  the set's folder, made by this (NAME)
      --from FILE|URL  where the archive is, instead of its home; once for each archive of the set, in order
      --sha256 SUM     what the archive of the --from before it must have, or "none"
  -h, --help           show this and exit

sets:
END
    local file
    for file in "$here"/*.sh; do
        name=$(basename "$file" .sh)
        # shellcheck source=/dev/null
        [ "$name" = fetch ] || (source "$file" && printf '  %-15s %s\n' "$name" "$licence")
    done
}

# ---- for layout() ----

# unpack ARCHIVE [MEMBER...]
unpack() {
    local archive=$1 command=(tar -xf) reason
    if [ "$(head -c 2 "$archive")" = PK ]; then
        command -v unzip >/dev/null || fail 5 "unzip is needed: apt-get install unzip"
        command=(unzip -qq)
    fi
    # what is wrong comes second: unzip first says "[FILE]", gzip nothing
    reason=$("${command[@]}" "$@" </dev/null 2>&1 | sed '/^\[/d; /^$/d; s/^ *//') || fail 2 "${archive##*/}: cannot be unpacked: $reason"
}

# enter FOLDER, of what was unpacked
enter() {
    [ -d "$1" ] || fail 2 "no folder $1 in the archive"
    cd "$1"
}

# write_coco CLASS...: COCO json from rows of fields with a tab between them:
#
#     image SPLIT FILE WIDTH HEIGHT
#     box CLASS X Y W H               CLASS counts from 1; the box is on the image before it
#
# into $out/SPLIT.json. Ids count from 1 through all splits, numbers have at most two decimals.
write_coco() {
    awk -F '\t' -v out="$out" -v source="${archives[0]}" -v classes="$*" '
        function number(x) {
            x = sprintf("%.2f", x)
            sub(/\.?0+$/, "", x)
            return x == "-0" ? "0" : x
        }
        # The rows of one kind that belong to a split, as a JSON list.
        function list(name, rows, splits, n, file,   i, mark) {
            printf "\"%s\": [", name >file
            for (i = 1; i <= n; i++)
                if (splits[i] == split_now) {
                    printf "%s\n%s", mark, rows[i] >file
                    mark = ","
                }
            printf "],\n" >file
        }
        BEGIN {
            n_classes = split(classes, class, " ")
            for (i = 1; i <= n_classes; i++)
                categories = categories (i > 1 ? ", " : "") "{\"id\": " i ", \"name\": \"" class[i] "\"}"
        }
        $1 == "image" {
            if (!($2 in seen)) order[++n_splits] = $2
            seen[$2]
            image_split[++n_images] = $2
            image[n_images] = sprintf("{\"id\": %d, \"file_name\": \"%s\", \"width\": %d, \"height\": %d}", n_images, $3, $4, $5)
        }
        $1 == "box" {
            if ($2 < 1 || $2 > n_classes) {
                print "a class that is not known, on image " n_images >"/dev/stderr"
                failed = 1
                exit
            }
            box_split[++n_boxes] = image_split[n_images]
            box[n_boxes] = sprintf("{\"id\": %d, \"image_id\": %d, \"category_id\": %d, \"bbox\": [%s, %s, %s, %s], \"area\": %s, \"iscrowd\": 0}", \
                                   n_boxes, n_images, $2, number($3), number($4), number($5), number($6), number(number($5) * number($6)))
        }
        END {
            for (s = 1; s <= n_splits && !failed; s++) {
                split_now = order[s]
                file = out "/" split_now ".json"
                printf "{\"info\": {\"source\": \"%s\"},\n", source >file
                list("images", image, image_split, n_images, file)
                list("annotations", box, box_split, n_boxes, file)
                printf "\"categories\": [%s]}\n", categories >file
                if (close(file) != 0) failed = 1
            }
            exit failed
        }'
}

# ---- the parts of a run ----

# download URL FILE
download() {
    local command=(wget --no-verbose --output-document="$2") reason
    if command -v curl >/dev/null; then
        command=(curl --fail --location --retry 3 --silent --show-error --output "$2")
    elif ! command -v wget >/dev/null; then
        fail 5 "curl or wget is needed: apt-get install curl"
    fi
    echo "getting $1" >&2
    reason=$("${command[@]}" "$1" 2>&1) || fail 5 "$1: not downloaded: ${reason##*$'\n'}"
}

# get URL FILE SUM: where the archive lies, in $archive; a file that is there already is used in place.
get() {
    archive=$1
    if [[ $1 == *://* ]]; then
        archive=$2
        download "$1" "$archive"
    fi
    local got
    got=$(sha256sum 2>/dev/null <"$archive") || fail 2 "$1: cannot be read"
    got=${got%% *}
    if [ "$3" = none ]; then
        echo "sha256 $got of $1 (there is none to compare it with)" >&2
    elif [ "$got" != "$3" ]; then
        fail 2 "$1: wrong SHA-256: cut, changed or not this archive (got $got, want $3)"
    fi
    echo "$got  $1" >>"$work/sums"
}

# ---- main ----

name='' folder='' from=() from_sums=()
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
        usage
        exit 0
        ;;
    -o | --output | --from | --sha256)
        [ -n "${2:-}" ] || fail 1 "$1 wants a value"
        case $1 in
        --from)
            from+=("$2")
            from_sums+=('')
            ;;
        --sha256)
            [ ${#from[@]} -gt 0 ] || fail 1 "--sha256 stands behind the --from that it is for"
            [[ $2 == none || $2 =~ ^[0-9a-f]{64}$ ]] || fail 1 "--sha256 wants 64 hex digits or \"none\" (got \"$2\")"
            from_sums[-1]=$2
            ;;
        *) folder=$2 ;;
        esac
        shift
        ;;
    -*) fail 1 "unknown option \"$1\"; see fetch.sh --help" ;;
    *)
        [ -z "$name" ] || fail 1 "one set at a time (got \"$name\" and \"$1\")"
        name=$1
        ;;
    esac
    shift
done
[ -n "$name" ] || fail 1 "no set named; see fetch.sh --help"
[[ $name =~ ^[a-z0-9_]+$ && $name != fetch && -f $here/$name.sh ]] || fail 1 "no set \"$name\"; see fetch.sh --help"
folder=$(realpath --no-symlinks --canonicalize-missing -- "${folder:-$name}")

licence='' archives=() sums=()
# shellcheck source=/dev/null
source "$here/$name.sh"
if [ ${#from[@]} -gt 0 ] && [ ${#from[@]} -ne ${#archives[@]} ]; then
    fail 1 "$name is made of ${#archives[@]} archives: --from wanted for each of ${archives[*]##*/}"
fi

if [ -e "$folder" ]; then
    [ "$(head -n 1 "$folder/SOURCE" 2>/dev/null)" = "$name" ] || fail 1 "$folder exists, and is not $name from here"
    echo "$name: $folder is there already" >&2
    exit 0
fi
work=$(mktemp -d "$(dirname "$folder")/.fetch.XXXXXX" 2>/dev/null) || fail 5 "$(dirname "$folder"): cannot write there"
trap 'rm -rf "$work"' EXIT
out=$work/out
mkdir "$out" "$work/unpacked"

files=()
for i in "${!archives[@]}"; do
    get "${from[i]:-${archives[i]}}" "$work/${archives[i]##*/}" "${from_sums[i]:-${sums[i]}}"
    files+=("$(realpath -- "$archive")")
done

set +e # a command that fails is to end layout(): in a condition, bash would go on
reason=$(
    set -e
    cd "$work/unpacked"
    layout "${files[@]}" 2>&1
)
status=$?
set -e
if [ $status -ne 0 ]; then
    case $reason in
    *'o space left'* | *'disk full'*) fail 5 "$folder: no space left" ;;
    esac
    [ $status -eq 5 ] || status=2
    reason=${reason#fetch.sh: error: }
    fail $status "$name: cannot be laid out: ${reason%%$'\n'*}"
fi
{
    echo "$name"
    echo "licence: $licence"
    cat "$work/sums"
} >"$out/SOURCE"
mv -T "$out" "$folder" || fail 5 "$folder: cannot write there"
pictures=$(find "$folder" -name '*.jpg' -o -name '*.png' | wc -l)
echo "$name: $pictures pictures in $folder; licence: $licence"
