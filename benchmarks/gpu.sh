#!/usr/bin/env bash
# Benchmarks and trainings on one machine with a GPU, in one call of nine minutes:
#
#   bash benchmarks/gpu.sh                 all stages; what came is in $OUT, at most 8 small files
#   TOY=1 bash benchmarks/gpu.sh           the same stages at toy size, on a CPU too: does everything run?
#   STAGES=bench, then STAGES=train        in two calls: data and tables of the first are found by the second
#   STAGES="hdr-bench hdr-train"           HDR instead: gpu_hdr.sh; also in two calls
#   bash benchmarks/gpu.sh wheels          into .whl: packages that such a machine may lack, for one without
#                                          a network; PYTHON312=... adds the compiled code of numba
#
# Stages: set-up; synth-ho3d on all cores behind; meanwhile infer.py and train.py on noise; loading; the same
# time of training for each of MODELS; evaluation of all of them. A stage has a limit, its failure does not
# stop the others, and nothing runs beyond TOTAL seconds.
# Each job is a group of processes, which can be ended as a whole.
set -um
cd "$(dirname "$0")/.." || exit 1
ROOT=$PWD
PYTHON=${PYTHON:-python3}
[[ $PYTHON != */* ]] || PYTHON=$(cd "$(dirname "$PYTHON")" && pwd)/${PYTHON##*/}
OUT=${OUT:-out/gpu}
TOY=${TOY:-0}
STAGES=${STAGES:-bench train}
asked() { [[ " $STAGES " == *" $1 "* ]]; }
# Fixed: numba finds compiled code by the path of its source.
WORK=${WORK:-/tmp/handbench-gpu}
CORES=$(nproc)

if [ "$TOY" = 1 ]; then
    TOTAL=${TOTAL:-900} MODELS=${MODELS:-"ifvonet-tiny handoccnet-v-tiny"} BATCH=${BATCH:-4}
    BENCH_MODEL=ifvonet-tiny INFER_MODELS=ifvonet-tiny,handoccnet-v-tiny
    TREES=1 TAKES=1 FRAMES=16 CAMERAS=1 EVAL_TAKES=1 EVAL_FRAMES=12 EVAL_CAMERAS=1
    INFER_SECONDS=120 TRAIN_SECONDS=120 DATA_BY=${DATA_BY:-600} TRAIN_EACH=${TRAIN_EACH:-20} ROW_SECONDS=1
    LOADING_SECONDS=120 EVAL_SECONDS=60 TEST_SECONDS=60
else
    TOTAL=${TOTAL:-540} MODELS=${MODELS:-"ifvonet ifvonet:iv-tf handoccnet-v:siamese"} BATCH=${BATCH:-64}
    BENCH_MODEL=ifvonet INFER_MODELS=ifvonet,handoccnet,ifvonet-tiny,handoccnet-v-tiny
    # Two trees of other seeds: if time is short, the first one will do. 2 x 28 x 4 x 150 pictures.
    TREES=2 TAKES=28 FRAMES=150 CAMERAS=4 EVAL_TAKES=20 EVAL_FRAMES=40 EVAL_CAMERAS=2
    INFER_SECONDS=${INFER_SECONDS:-75} TRAIN_SECONDS=${TRAIN_SECONDS:-115} DATA_BY=${DATA_BY:-290}
    TRAIN_EACH=${TRAIN_EACH:-0} ROW_SECONDS=2 LOADING_SECONDS=35 EVAL_SECONDS=35
    TEST_SECONDS=${TEST_SECONDS:-80}
fi
END_SECONDS=8
MADE="$TREES $TAKES $FRAMES $CAMERAS $EVAL_TAKES $EVAL_FRAMES $EVAL_CAMERAS"
WORKERS=$((CORES > 2 ? CORES - 2 : 1)) LOADERS=$((CORES > 3 ? (CORES - 2 < 12 ? CORES - 2 : 12) : 0))

. "$ROOT/benchmarks/gpu_hdr.sh"

export PYTHONPATH=$WORK/site${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1
# Threads that wait must not spin: beside other work that costs a factor of ten.
export OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0
export TORCHINDUCTOR_CACHE_DIR=$WORK/inductor TRITON_CACHE_DIR=$WORK/triton
# One code for all processors of the last ten years, so that it can be brought along.
export NUMBA_CACHE_DIR=$WORK/numba NUMBA_CPU_NAME=x86-64-v3 NUMBA_CPU_FEATURES=

handbench() { "$PYTHON" "$WORK/site/bin/handbench" "$@"; }

# handbench.synth is the folder synth, and so on: installed without pip.
link_package() {
    mkdir -p "$WORK/site/bin" "$WORK/site/handbench"
    local entry
    for entry in "$ROOT"/handbench/*; do
        [ "${entry##*/}" = __pycache__ ] || ln -sfn "$entry" "$WORK/site/handbench/${entry##*/}"
    done
    for entry in synth loaders metrics baselines leaderboard; do
        ln -sfn "$ROOT/$entry" "$WORK/site/handbench/$entry"
    done
    printf 'import sys\n\nfrom handbench.cli.main import main\n\nsys.exit(main())\n' >"$WORK/site/bin/handbench"
}

set_up() {
    mkdir -p "$WORK"
    # The wheels are of one Python; elsewhere everything is installed as usual.
    if ls .whl/*.whl >/dev/null 2>&1 && "$PYTHON" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))'; then
        "$PYTHON" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade \
            --target "$WORK/site" .whl/*.whl ||
            for wheel in .whl/*.whl; do "$PYTHON" -m zipfile -e "$wheel" "$WORK/site"; done
    fi
    link_package
    [ -f .whl/numba.tar.gz ] && tar -xzf .whl/numba.tar.gz -C "$WORK"
    nvidia-smi 2>/dev/null
    lscpu | grep -E 'Model name|^CPU\(s\)'
    free -g | head -2
    df -h "$WORK" | tail -1
    handbench doctor
}

synth() { # OUT, then options: nice, since a benchmark runs beside it
    nice -n 10 "$PYTHON" "$WORK/site/bin/handbench" synth-ho3d --no-flow --quiet --out "$WORK/$1" "${@:2}"
}

make_data() {
    # Compiles once, before many workers would do the same.
    synth warm --takes 1 --eval-takes 1 --frames 8 --cameras 1 --on-existing overwrite || return
    echo "compiled after $SECONDS s"
    synth eval --takes 0 --eval-takes $EVAL_TAKES --frames $EVAL_FRAMES --cameras $EVAL_CAMERAS \
        --workers "$WORKERS" --seed 7 || return
    echo "evaluation data after $SECONDS s"
    local k
    for k in $(seq $TREES); do
        synth "train$k" --takes $TAKES --eval-takes 0 --frames $FRAMES --cameras $CAMERAS \
            --workers "$WORKERS" --seed "$k" || return
        echo "training data $k after $SECONDS s"
        touch "$WORK/train$k.ready"
    done
    evaluate mean-hand
}

evaluate() { # MODEL [OPTION...]
    handbench evaluate --model "$1" --data "ho3d:$WORK/eval@split=evaluation" --results "$WORK/results" \
        --quiet "${@:2}"
}

train() { # MODEL
    handbench train --model "$1" "${DATA[@]}" --out "$WORK/runs/${1//:/-}" --max-minutes "$MINUTES" \
        --batch-size "$BATCH" "${COMPILE[@]}" --workers "$LOADERS" --log-every 5
}

left() { echo $((TOTAL - END_SECONDS - SECONDS)); }

# NAME LIMIT COMMAND...: runs a function or program; its output goes to a log.
stage() {
    local name=$1 limit=$2 begun=$SECONDS status
    shift 2
    [ "$limit" -gt "$(left)" ] && limit=$(left)
    if [ "$limit" -lt 3 ]; then
        echo "$name,$begun,0,left out: no time" | tee -a "$OUT/stages.csv"
        return 1
    fi
    ("$@") >"$WORK/logs/$name.log" 2>&1 &
    wait_for $! "$limit"
    status=$?
    echo "$name,$begun,$((SECONDS - begun)),$status" | tee -a "$OUT/stages.csv"
    [ $status = 0 ] || tail -n 5 "$WORK/logs/$name.log"
    return $status
}

# PID LIMIT: waits for a process of ours, then ends it and what it started.
wait_for() {
    local until=$((SECONDS + $2)) late=$((SECONDS + $2 + 5))
    while kill -0 "$1" 2>/dev/null; do
        [ $SECONDS -ge $until ] && end_tree "$1" TERM
        [ $SECONDS -ge $late ] && end_tree "$1" KILL
        sleep 0.2
    done
    wait "$1"
}

end_tree() { # PID SIGNAL: of a job of this shell, with all that it started
    # Only while it runs: its number may be another's by now.
    jobs -pr | grep -qx "$1" && kill -"$2" -- "-$1" 2>/dev/null
}

# Whether compiling pays within SECONDS of training, by what train.py measured; the same for all models.
compile_pays() { # SECONDS
    "$PYTHON" - "$WORK/tables/train-$BENCH_MODEL.json" "$1" "$BATCH" <<'EOF'
import json, sys
rows = json.load(open(sys.argv[1]))["rows"]
seconds, batch = float(sys.argv[2]), int(sys.argv[3])
seen = {}
for row in rows:
    if (row["precision"], row["batch"], row["layout"]) == ("bf16", batch, "channels last") and row["samples_per_s"]:
        seen[row["compiled"]] = row["samples_per_s"] * (seconds - row["warm_up_s"])
print(seen, file=sys.stderr)
sys.exit(0 if seen.get("whole", 0) > 1.05 * seen.get("no", 0) else 1)
EOF
}

collect() {
    trap - EXIT
    [ -n "${SYNTH:-}" ] && end_tree "$SYNTH" KILL
    [ -n "${WATCH:-}" ] && end_tree "$WATCH" KILL
    {
        echo "# Benchmarks on a GPU"
        for table in "$WORK"/tables/*.md; do printf '\n## %s\n\n' "$(basename "$table" .md)"; cat "$table"; done
        printf '\n## stages\n\n```\n'; cat "$OUT/stages.csv"; printf '```\n'
        for log in "$WORK"/logs/{train-,evaluate-}*.log; do
            [ -f "$log" ] && { printf '\n## %s\n\n```\n' "$(basename "$log" .log)"; tail -n 25 "$log"; echo '```'; }
        done
    } >"$OUT/summary.md" 2>/dev/null
    local pack=(tar -czf) run last k=0
    (cd "$WORK" && "${pack[@]}" "$WORK/tables.tar.gz" tables 2>/dev/null)
    (cd "$WORK" && "${pack[@]}" "$WORK/logs.tar.gz" logs 2>/dev/null)
    # Rows and curves; not the values of each sample, nor weights and checkpoints.
    (cd "$WORK" && find results runs -type f \( -name result.json -o -name log.csv -o -name run.json \
        -o -name weights.json -o -name handbench.json \) 2>/dev/null | "${pack[@]}" "$WORK/runs.tar.gz" -T -)
    cp "$WORK"/{tables,logs,runs}.tar.gz "$OUT/" 2>/dev/null
    for run in "$WORK"/runs/*/; do
        last=$(ls "$run"previews/*.jpg 2>/dev/null | tail -n 1)
        k=$((k + 1))
        [ -n "$last" ] && [ $k -le 3 ] && cp "$last" "$OUT/preview-$(basename "$run").jpg"
    done
    ls -l "$OUT"
    echo "$SECONDS s in all"
}

main() {
    mkdir -p "$OUT" "$WORK/logs" "$WORK/tables"
    OUT=$(cd "$OUT" && pwd)
    ! asked bench && ! asked hdr-bench || rm -rf "$WORK"/tables/*
    [ "$(cat "$WORK/made" 2>/dev/null)" = "$MADE" ] || rm -rf "$WORK"/{eval,train?,train?.ready}
    rm -rf "$WORK"/{runs,logs/*} "$OUT"/*
    echo "$MADE" >"$WORK/made"
    echo "stage,begun,seconds,status" >"$OUT/stages.csv"
    trap collect EXIT
    trap 'exit 143' TERM INT
    stage set-up 60 set_up || exit 1
    # Where the checkout is the first place to import from, its folder handbench hides the package.
    cd "$WORK" || exit 1
    if asked hdr-bench || asked hdr-train; then make=make_hdr_data; fi
    (${make:-make_data}) >"$WORK/logs/data.log" 2>&1 &
    SYNTH=$!
    if command -v nvidia-smi >/dev/null; then
        nvidia-smi --query-gpu=timestamp,utilization.gpu,clocks.sm,power.draw,memory.used --format=csv,noheader \
            -l 2 >"$WORK/logs/gpu.csv" 2>&1 &
        WATCH=$!
    fi
    if [ -n "${make:-}" ]; then
        hdr
        return
    fi
    READY=$WORK/train$TREES.ready
    asked bench && bench
    stage data $((DATA_BY > SECONDS ? DATA_BY - SECONDS : 3)) wait_for_data
    [ -f "$READY" ] || end_tree "$SYNTH" TERM
    cat "$WORK/logs/data.log"
    asked train && trainings
}

bench() {
    local beside="synth-ho3d ran on the other cores"
    stage bench-infer $((INFER_SECONDS + 20)) "$PYTHON" "$ROOT/benchmarks/infer.py" --models $INFER_MODELS \
        --batch "$BATCH" --seconds "$INFER_SECONDS" --row-seconds $ROW_SECONDS --note "$beside" \
        --out "$WORK/tables"
    stage bench-train $((TRAIN_SECONDS + 20)) "$PYTHON" "$ROOT/benchmarks/train.py" --model $BENCH_MODEL \
        --batch "$BATCH" --seconds "$TRAIN_SECONDS" --row-seconds $ROW_SECONDS --note "$beside" \
        --out "$WORK/tables" --profile "$WORK/tables/profile.txt"
    # While the data are being made; what needs a GPU is skipped where there is none.
    stage tests $TEST_SECONDS "$PYTHON" -m pytest -q -m soak -p no:cacheprovider \
        -c "$ROOT/pyproject.toml" "$ROOT/tests/test_train_gpu.py"
    tail -n 30 "$WORK/logs/tests.log"
}

wait_for_data() { # Of another shell: its end is seen, not waited for.
    while [ ! -f "$READY" ] && kill -0 "$SYNTH" 2>/dev/null; do sleep 0.5; done
    [ -f "$READY" ]
}

trainings() {
    local k model
    DATA=()
    for k in $(seq "$TREES"); do
        [ -f "$WORK/train$k.ready" ] && DATA+=(--data "ho3d:$WORK/train$k@split=train")
    done
    if [ ${#DATA[@]} = 0 ]; then
        echo "no training data came in time" | tee -a "$OUT/stages.csv"
        return
    fi
    stage bench-loading $LOADING_SECONDS "$PYTHON" "$ROOT/benchmarks/train.py" --model $BENCH_MODEL --batch "$BATCH" \
        --rows 0 "${DATA[@]}" --workers "$LOADERS" --row-seconds 3 --out "$WORK/tables"
    share_out "$MODELS" $EVAL_SECONDS
    COMPILE=(--no-compile)
    compile_pays $EACH 2>"$WORK/logs/compile.log" && COMPILE=(--compile)
    echo "compiled: ${COMPILE[*]}" | tee -a "$WORK/logs/compile.log"
    for model in $MODELS; do
        stage "train-${model//:/-}" $((EACH + 25)) train "$model"
    done
    stage evaluate $((EVAL_SECONDS + 20)) evaluate_all
    cat "$WORK"/logs/evaluate-*.log
}

# MODELS SECONDS: EACH of the models may train so long that SECONDS are left; MINUTES are the same.
share_out() {
    # Starting and ending a training takes some seconds beside its budget.
    EACH=$((($(left) - $2) / $(wc -w <<<"$1") - 8))
    [ "$TRAIN_EACH" -gt 0 ] && [ "$TRAIN_EACH" -lt $EACH ] && EACH=$TRAIN_EACH
    MINUTES=$("$PYTHON" -c "print(round($EACH / 60, 3))")
    echo "each of $1 trains $EACH s, $LOADERS workers"
}

evaluate_all() { # All at once: starting takes longer than predicting.
    local model pids=() status=0
    for model in $MODELS; do
        [ -f "$WORK/runs/${model//:/-}/weights.safetensors" ] || { status=1; continue; }
        evaluate "$model" --weights "$WORK/runs/${model//:/-}/weights.safetensors" --workers 3 \
            >"$WORK/logs/evaluate-${model//:/-}.log" 2>&1 &
        pids+=($!)
    done
    for model in "${pids[@]}"; do wait "$model" || status=1; done
    return $status
}

if [ "${1:-}" = wheels ]; then
    . "$ROOT/benchmarks/gpu_wheels.sh"
    wheels
else
    main
fi
