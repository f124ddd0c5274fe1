# Sourced by gpu.sh: HDR on AIH that is made on the machine, STAGES="hdr-bench hdr-train" or one after the other.
#
# Behind, on all cores: synth-aih, a small tree that is also tested on, then a large one; if time is short, the
# small one will do. Meanwhile infer_hdr.py, and train.py for each network, with a profile. Then each network
# trains for the same time on real batches, and hdr is evaluated with those weights, beside its controls, with
# the annotation's masks, and its stages alone.

if [ "$TOY" = 1 ]; then
    HDR=${HDR:-hdr-tiny} HDR_BATCH=4 HDR_FIRST=80 HDR_REST=0 HDR_INFER_SECONDS=200 HDR_TRAIN_SECONDS=60
    HDR_NETWORKS="hasm-tiny hdrnet-tiny shpe-tiny" HDR_EVAL_SECONDS=120
else
    HDR=${HDR:-hdr} HDR_BATCH=${HDR_BATCH:-64} HDR_FIRST=${HDR_FIRST:-6000} HDR_REST=${HDR_REST:-54000}
    # As published, heat maps of shpe stay flat for longer than there is time (docs/hdr.md).
    HDR_NETWORKS="hasm hdrnet shpe:init=he,loss=entropy,sigma=1.5"
    HDR_INFER_SECONDS=${HDR_INFER_SECONDS:-110} HDR_TRAIN_SECONDS=${HDR_TRAIN_SECONDS:-45} HDR_EVAL_SECONDS=70
fi
HDR_TREES=$((HDR_REST > 0 ? 2 : 1))
HDR_MADE="$HDR_FIRST $HDR_REST"

hdr() {
    READY=$WORK/aih$HDR_TREES.ready
    asked hdr-bench && hdr_bench
    stage data $((DATA_BY > SECONDS ? DATA_BY - SECONDS : 3)) wait_for_data
    [ -f "$READY" ] || end_tree "$SYNTH" TERM
    cat "$WORK/logs/data.log"
    asked hdr-train && hdr_trainings
}

synth_aih() { # OUT NUM, then options
    nice -n 10 "$PYTHON" "$WORK/site/bin/handbench" synth-aih --recipe both --renderer raster --quiet \
        --out "$WORK/$1" --num "$2" "${@:3}"
}

make_hdr_data() {
    [ "$(cat "$WORK/made-hdr" 2>/dev/null)" = "$HDR_MADE" ] || rm -rf "$WORK"/aih{1,2}{,.ready}
    echo "$HDR_MADE" >"$WORK/made-hdr"
    # Compiles once, before many workers would do the same.
    synth_aih aih-warm 12 --on-existing overwrite || return
    echo "compiled after $SECONDS s"
    local k
    for k in $(seq $HDR_TREES); do
        synth_aih "aih$k" $((k == 1 ? HDR_FIRST : HDR_REST)) --workers "$WORKERS" --seed "$k" || return
        echo "tree $k after $SECONDS s"
        touch "$WORK/aih$k.ready"
    done
}

hdr_bench() {
    local network name beside="synth-aih ran on the other cores"
    stage bench-infer-hdr $((HDR_INFER_SECONDS + 20)) "$PYTHON" "$ROOT/benchmarks/infer_hdr.py" --models "$HDR" \
        --batch "$HDR_BATCH" --seconds "$HDR_INFER_SECONDS" --row-seconds $ROW_SECONDS --note "$beside" \
        --out "$WORK/tables"
    for network in $HDR_NETWORKS; do
        name=${network%%:*}
        # bf16, and in batches twice as large; then the profile.
        stage "bench-train-$name" $((HDR_TRAIN_SECONDS + 20)) "$PYTHON" "$ROOT/benchmarks/train.py" \
            --model "$name" --batch "$HDR_BATCH" --rows 2 --no-plain --seconds "$HDR_TRAIN_SECONDS" \
            --row-seconds $ROW_SECONDS --note "$beside" --out "$WORK/tables" \
            --profile "$WORK/tables/profile-$name.txt"
    done
    stage tests $TEST_SECONDS "$PYTHON" -m pytest -q -m soak -p no:cacheprovider \
        -c "$ROOT/pyproject.toml" "$ROOT/tests/test_hdr_gpu.py"
    tail -n 30 "$WORK/logs/tests.log"
}

hdr_trainings() {
    local k network each
    DATA=()
    for k in $(seq $HDR_TREES); do
        [ -f "$WORK/aih$k.ready" ] && DATA+=(--data "aih:$WORK/aih$k@split=train")
    done
    if [ ${#DATA[@]} = 0 ]; then
        echo "no training data came in time" | tee -a "$OUT/stages.csv"
        return
    fi
    share_out "$HDR_NETWORKS" "$HDR_EVAL_SECONDS"
    COMPILE=(--no-compile)
    for network in $HDR_NETWORKS; do
        stage "train-${network%%:*}" $((EACH + 25)) hdr_train "$network"
    done
    stage evaluate $((HDR_EVAL_SECONDS + 20)) hdr_evaluate_all
    cat "$WORK"/logs/evaluate-*.log
}

hdr_train() { # MODEL; its weights are where the pipeline looks for those of a stage
    local name=${1%%:*} rate=()
    # For minutes from random weights; not tuned. The recipes are for days, or for what ImageNet taught.
    [ "$name" != hasm ] || rate=(--lr 2e-4)
    [ "$name" != shpe ] || rate=(--lr 5e-4)
    handbench train --model "$1" "${DATA[@]}" --out "$WORK/runs/$name" --max-minutes "$MINUTES" \
        --batch-size "$HDR_BATCH" "${rate[@]}" "${COMPILE[@]}" --workers "$LOADERS" --log-every 5
}

hdr_evaluate_all() { # All at once: starting takes longer than predicting.
    local row network weights pids=() status=0
    for row in "$HDR" "$HDR:masks=gt" "$HDR":{no-removal,no-deocclusion,fill-mean,fill-telea} $HDR_NETWORKS; do
        weights=$WORK/runs
        network=${row%%:*}
        if [ "$network" != "$HDR" ]; then
            row=$network weights=$WORK/runs/$network/weights.safetensors
            [ -f "$weights" ] || { status=1; continue; }
        fi
        handbench evaluate --model "$row" --weights "$weights" --data "aih:$WORK/aih1@split=test" \
            --results "$WORK/results" --quiet --batch-size "$HDR_BATCH" >"$WORK/logs/evaluate-${row//[:=]/-}.log" 2>&1 &
        pids+=($!)
    done
    for row in "${pids[@]}"; do wait "$row" || status=1; done
    return $status
}
