#!/usr/bin/env bash
# A sign flip planted in every backward, one at a time, has to make the proof of its gradient fail.
#
#     tests/mutation.sh
#
# Works on a copy of the tree in a temporary folder and builds only the proofs there. Prints a line
# a mutation; exit 1 if one survived, 2 if it could not be planted or did not compile.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree build=$work/build log=$work/log
passed=0 failed=0

stop() {
    echo "mutation.sh: $1" >&2
    if [ -s "$log" ]; then tail -n 30 "$log" >&2; fi
    exit 2
}

make_target() {
    cmake --build "$build" -j2 --target "$@" >"$log" 2>&1 || stop "$* did not build"
}

# Exit code of a test program: 0 passed, 1 failed; anything else is no answer.
run_test() {
    local code=0
    timeout 300 "$build/tests/$1" >"$log" 2>&1 || code=$?
    [ "$code" -le 1 ] || stop "$1 ended with $code"
    return "$code"
}

# plant FILE FUNCTION TEXT REPLACEMENT: TEXT must be there once in the body of FUNCTION.
plant() {
    FUNCTION=$2 TEXT=$3 REPLACEMENT=$4 awk '
        /^[^ #\/]/ && index($0, " " ENVIRON["FUNCTION"] "(") { inside = 1 }
        inside && (at = index($0, ENVIRON["TEXT"])) {
            rest = substr($0, at + length(ENVIRON["TEXT"]))
            found += index(rest, ENVIRON["TEXT"]) ? 2 : 1
            $0 = substr($0, 1, at - 1) ENVIRON["REPLACEMENT"] rest
        }
        /^}/ { inside = 0 }
        { print }
        END { exit found != 1 }' "$work/src/$1" >"$tree/src/$1" ||
        stop "src/$1: $2(): not there exactly once: $3"
}

# mutate TEST WHAT FILE FUNCTION TEXT REPLACEMENT
mutate() {
    : >"$log"
    plant "$3" "$4" "$5" "$6"
    make_target "test_$1"
    if run_test "test_$1"; then
        echo "SURVIVED  $2 (src/$3, $4)"
        failed=$((failed + 1))
    else
        echo "caught    $2 (src/$3, $4)"
        passed=$((passed + 1))
    fi
    cp "$work/src/$3" "$tree/src/$3"
}

mkdir -p "$tree/models"
: >"$log"
cp -R "$root/CMakeLists.txt" "$root/cmake" "$root/include" "$root/src" "$root/tests" "$root/tools" "$tree"
cp -R "$root/models/presets" "$tree/models"
cp -R "$tree/src" "$work" # as it was
# -O1: most of the time is the compiler's.
cmake -S "$tree" -B "$build" -DCMAKE_C_FLAGS_RELEASE=-O1 >"$log" 2>&1 || stop "no configuration"
proofs=(test_ops_gradient test_nn_gradient test_loss_gradient test_logit_loss_gradient test_ghm_gradient
    test_anchor_loss_gradient)
make_target "${proofs[@]}"
for test in "${proofs[@]}"; do
    run_test "$test" || stop "$test fails as it is"
done

# ---- kernels ----

mutate ops_gradient 'convolution: input' ops/conv.c pack_backward \
    'memcpy(packed, weight + (size_t)o * taps * (size_t)d->in_c, lanes * sizeof(real));' \
    "for (size_t i = 0, at = (size_t)o * taps * (size_t)d->in_c; i < lanes; i++)
         packed[i] = -weight[at + i];"
mutate ops_gradient 'convolution: weight' ops/conv_weight.c add_sums \
    'dweight[j] += sum[j]' 'dweight[j] -= sum[j]'
mutate ops_gradient 'convolution: bias' ops/conv_weight.c rn_conv_bias_run \
    'dbias[o] += job.partial' 'dbias[o] -= job.partial'
mutate ops_gradient 'minimal filtering: input' ops/winograd.c backward_weights \
    'memcpy(taps[tap], weight, lanes * sizeof(real));' \
    'for (size_t i = 0; i < lanes; i++) taps[tap][i] = -weight[i];'
mutate ops_gradient 'minimal filtering: weight' ops/winograd_weight.c rn_winograd_backward_weight \
    'job.slab, transform_task, &job);' 'job.slab, transform_task, &job);
         for (size_t i = 0; i < slab_reals(job.slab, job.out_c); i++) job.dm[i] = -job.dm[i];'
mutate ops_gradient 'depthwise: input' ops/depthwise.c rn_depthwise_backward_data \
    'rn_threads_run(' 'for (int i = 0; i < dims->kernel * dims->kernel * dims->in_c; i++)
         job.shared[i] = -job.shared[i];
     rn_threads_run('
mutate ops_gradient 'depthwise: weight' ops/depthwise.c rn_depthwise_backward_weight \
    '+= sums[t * c + i]' '-= sums[t * c + i]'
mutate ops_gradient 'ReLU6 mask' ops/pointwise.c relu6_mask_task '0 : job->out[i]' '0 : -job->out[i]'
mutate ops_gradient 'frozen norm: input' ops/norm.c affine_backward_task \
    '+= job->dout[row * c + i] * job' '-= job->dout[row * c + i] * job'

# norm NAME CONDITION: the two share their code. Batch norm sees the batch as one picture, and every
# proof of group norm has more than one.
norm() {
    local sign="(job->dims->batch $2 ? -1 : 1) *"
    mutate ops_gradient "$1: input, through the value" ops/norm.c backward_apply_task \
        'din[i] += dout[i]' "din[i] += $sign dout[i]"
    mutate ops_gradient "$1: input, through the deviation" ops/norm.c backward_apply_task \
        '+ in[i] * k[i]' "+ $sign in[i] * k[i]"
    mutate ops_gradient "$1: input, through the mean" ops/norm.c backward_apply_task \
        '+ shift[i]' "+ $sign shift[i]"
    mutate ops_gradient "$1: weight" ops/norm.c finish_backward \
        'dweight[i] += (real)sum_h' "dweight[i] += $sign (real)sum_h"
    mutate ops_gradient "$1: bias" ops/norm.c finish_backward \
        'dbias[i] += (real)sum' "dbias[i] += $sign (real)sum"
}
norm 'batch norm' '== 1'
norm 'group norm' '!= 1'

mutate ops_gradient 'ReLU mask' ops/pointwise.c relu_mask_task '0 : job->out[i]' '0 : -job->out[i]'
mutate ops_gradient 'dropout' ops/pointwise.c dropout_back_task 'b->out[i] +=' 'b->out[i] -='
mutate ops_gradient 'sum' ops/pointwise.c rn_add_backward \
    'rn_add_forward(exec, din, din, dout, false, n);' \
    '(void)exec; for (size_t i = 0; i < n; i++) din[i] -= dout[i];'
mutate ops_gradient 'upsampling: top' ops/pointwise.c upsample_backward_task \
    'pixel[i] += dout[i]' 'pixel[i] -= dout[i]'
mutate ops_gradient 'max pool' ops/pool.c max_pool_backward_task '+= dout[i]' '-= dout[i]'

# ---- losses ----

mutate loss_gradient 'focal loss: foreground' detection/loss.c loss_of \
    'foreground ? slope' 'foreground ? -slope'
mutate loss_gradient 'focal loss: background' detection/loss.c loss_of \
    'slope : -slope' 'slope : slope'
mutate loss_gradient 'focal loss: p_t - 1' detection/loss.c loss_of 'log_p - q)' 'log_p + q)'
mutate loss_gradient 'focal loss: gamma p_t log p_t' detection/loss.c loss_of \
    '(gamma * p' '(-gamma * p'
mutate loss_gradient 'focal loss: scale of the foreground' detection/loss.c rn_logit_loss_sum \
    '*= scale' '*= -scale'
mutate loss_gradient 'focal loss: scale of the background' detection/loss.c background_run \
    'slope * scale' '-slope * scale'
mutate logit_loss_gradient 'focal-star' detection/loss.c loss_of 'slope = -alpha * q' 'slope = alpha * q'
mutate logit_loss_gradient 'poly-focal' detection/loss.c loss_of 'slope -= (gamma' 'slope += (gamma'
mutate logit_loss_gradient 'slope-focal' detection/loss.c loss_of '- low * alpha * q' '+ low * alpha * q'
mutate logit_loss_gradient 'class weights' detection/loss.c sum_by_class '*= scale' '*= -scale'
mutate ghm_gradient 'ghm' detection/ghm.c rn_ghm_loss_sum '*= w;' '*= -w;'
mutate ghm_gradient 'ghm: background' detection/ghm.c sum_background 'w * slope' '-w * slope'
mutate anchor_loss_gradient 'softmax: target' detection/anchor_loss.c softmax_loss '== t ? dz' '== t ? -dz'
mutate anchor_loss_gradient 'softmax: others' detection/anchor_loss.c softmax_loss ': -dz *' ': dz *'
mutate anchor_loss_gradient 'softmax: background' detection/anchor_loss.c softmax_loss \
    'if (!foreground) dz = -dz;' ''
mutate anchor_loss_gradient 'objectness: scale' detection/anchor_loss.c rn_objectness_loss_sum \
    '*= scale' '*= -scale'
mutate loss_gradient 'smooth L1: below the joint' detection/box_loss.c rn_smooth_l1 \
    '*dx = d / beta' '*dx = -d / beta'
mutate loss_gradient 'smooth L1: above the joint' detection/box_loss.c rn_smooth_l1 \
    '(d > 0) - (d < 0)' '(d < 0) - (d > 0)'
mutate loss_gradient 'smooth L1: scale' detection/box_loss.c rn_smooth_l1_sum \
    'dd[k] *= scale' 'dd[k] *= -scale'
mutate loss_gradient 'GIoU: common area' detection/box_loss.c rn_giou_loss '-dcommon / u' 'dcommon / u'
mutate loss_gradient 'GIoU: area of both' detection/box_loss.c rn_giou_loss \
    '+ by_both *' '- by_both *'
mutate loss_gradient 'GIoU: hull' detection/box_loss.c rn_giou_loss 'by_hull * (axis' '-by_hull * (axis'
mutate loss_gradient 'GIoU: edges in common' detection/box_loss.c extent_of \
    '{-first, last}' '{first, -last}'
mutate loss_gradient 'GIoU: edges of the hull' detection/box_loss.c extent_of \
    '{first - 1, 1 - last}' '{1 - first, last - 1}'
mutate loss_gradient 'GIoU: scale' detection/box_loss.c rn_giou_loss_sum \
    'dd[k] *= scale' 'dd[k] *= -scale'
mutate loss_gradient 'decoding: centre' detection/box_coder.c rn_box_decode_backward \
    '(dbox[i] + dbox[i + 2])' '-(dbox[i] + dbox[i + 2])'
mutate loss_gradient 'decoding: side' detection/box_coder.c rn_box_decode_backward \
    '(dbox[i + 2] - dbox[i])' '(dbox[i] - dbox[i + 2])'

# ---- nodes: what each passes on ----

every='for (size_t i = 0; i < rn_shape_count(t.out_shape); i++)'
negate="$every t.dout[i] = -t.dout[i];"
negate_parts='for (int k = node; k < node + (int)n; k++)
    for (size_t i = 0; i < rn_shape_count(&run->plan->shape[k]); i++)
        rn_run_gradient(run, k)[i] = -rn_run_gradient(run, k)[i];'
mutate nn_gradient 'node conv: weight and bias' nn/op.c conv_backward \
    'rn_conv_backward_weight(' "$negate_parts rn_conv_backward_weight("
mutate nn_gradient 'node conv: input' nn/op.c conv_backward \
    'rn_conv_backward_data(' "$negate_parts rn_conv_backward_data("
mutate nn_gradient 'node depthwise: weight' nn/op.c depthwise_backward \
    'if (dweight)' "$negate if (dweight)"
mutate nn_gradient 'node depthwise: input' nn/op.c depthwise_backward 'if (t.din)' "$negate if (t.din)"
mutate nn_gradient 'node group_norm' nn/op.c group_norm_backward \
    'rn_group_norm_backward(' "$negate rn_group_norm_backward("
mutate nn_gradient 'node batch_norm' nn/op.c batch_norm_backward \
    'rn_batch_norm_backward(' "$negate rn_batch_norm_backward("
mutate nn_gradient 'node frozen_norm' nn/op.c frozen_norm_backward \
    'rn_affine_backward(' "$negate rn_affine_backward("
mutate nn_gradient 'node max_pool' nn/op.c max_pool_backward 'if (t.din)' "$negate if (t.din)"
for node in relu add upsample_add; do
    mutate nn_gradient "node $node: first input" nn/op.c "${node}_backward" \
        'if (t.din) rn_add_backward(run->exec, t.din, t.dout, rn_shape_count(t.out_shape));' \
        "if (t.din) $every t.din[i] -= t.dout[i];"
done
mutate nn_gradient 'node add: second input' nn/op.c add_backward \
    'if (db) rn_add_backward(run->exec, db, t.dout, rn_shape_count(t.out_shape));' \
    "if (db) $every db[i] -= t.dout[i];"
mutate nn_gradient 'node upsample_add: second input' nn/op.c upsample_add_backward \
    'if (dtop)' "$negate if (dtop)"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
