# Sourced by gpu.sh wheels: run where there is a network; the other machine gets the folder.

wheels() {
    local name found=()
    mkdir -p .whl
    # From transformers on: HDR's mask network, and what it imports. There it may be older than our range.
    for name in lmdb orjson zstandard simplejpeg zlib-ng smplx trimesh \
        transformers tokenizers huggingface_hub safetensors regex httpx2 httpcore2 truststore anyio h11 idna tqdm; do
        found+=("$(grep -i "^$name==" constraints.txt)")
    done
    local where=() version
    for version in 2_28 2_27 2_17; do where+=(--platform "manylinux_${version}_x86_64"); done
    "$PYTHON" -m pip download -q --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
        "${where[@]}" --platform manylinux2014_x86_64 --platform manylinux1_x86_64 -d .whl "${found[@]}" || exit 1
    "$PYTHON" - .whl/transformers-*.whl <<'PYTHON' || exit 1
import re, sys, zipfile
from pathlib import Path

# Two models of hundreds: the whole is 13 MB, and what goes to such a machine must be small.
path = Path(sys.argv[1])
kept = re.compile(r"transformers/(?!models/(?!auto/|segformer/|__init__)[^/]+)")
slim = path.with_suffix(".part")
with zipfile.ZipFile(path) as whole, zipfile.ZipFile(slim, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as part:
    for name in whole.namelist():
        data = whole.read(name)
        if name.endswith("/RECORD"):
            lines = data.decode().splitlines(keepends=True)
            data = "".join(line for line in lines if not line.startswith("transformers/") or kept.match(line)).encode()
        elif name.startswith("transformers/") and not kept.match(name):
            continue
        part.writestr(name, data)
slim.replace(path)
PYTHON
    if [ -n "${PYTHON312:-}" ]; then
        # Of the same Python and numba as there; 100 s of compiling less.
        PYTHON=$PYTHON312
        rm -rf "$WORK"
        set_up && synth warm --takes 1 --eval-takes 1 --frames 8 --cameras 1 && evaluate_warm &&
            synth_aih aih-warm 12 && tar -czf .whl/numba.tar.gz -C "$WORK" numba
    fi
    du -sh .whl
}

evaluate_warm() {
    handbench evaluate --model mean-hand --data "ho3d:$WORK/warm@split=evaluation" --results "$WORK/results" --quiet
}
