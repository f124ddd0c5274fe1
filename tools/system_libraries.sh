#!/bin/sh
# opencv-python needs libGL and glib, pyrender needs EGL: install them as root, otherwise print the line to type.
# With the argument chromium also the browser that the tests of the leaderboard's page drive.
set -eu
missing=""
has() { ldconfig -p 2>/dev/null | grep -q "$1"; }
has 'libGL\.so\.1' || missing="$missing libgl1"
has 'libglib-2\.0\.so\.0' || missing="$missing libglib2.0-0"
has 'libEGL\.so\.1' || missing="$missing libegl1"
has 'libEGL_mesa\.so\.0' || missing="$missing libegl-mesa0"
has 'libOpenGL\.so\.0' || missing="$missing libopengl0"
if [ "${1:-}" = chromium ] && ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null; then
    missing="$missing chromium"
fi
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "handbench needs what is missing here: Debian's names are$missing" >&2
    exit 0
fi
if [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "handbench needs system packages; type: sudo apt-get install -y$missing" >&2
    exit 1
fi
