# Shared by the scripts of this folder; sourced, never run. Every step says what it does and is skipped when its inputs did not change.
# shellcheck shell=bash

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="$ROOT/.venv"
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/softswitch"
STAMPS="$VENV/.stamps"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$CACHE/cargo}"
export UV_PROJECT_ENVIRONMENT="$VENV"
mkdir -p "$CACHE"
cd "$ROOT" || exit 1

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else die "need root or sudo for: $*"; fi
}

# fingerprint PATH… : one hash over names and contents
fingerprint() {
    find "$@" -type f -not -path '*/target/*' -not -path '*/node_modules/*' -not -name '*.so' -not -name '*.pyc' -print0 2>/dev/null |
        LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-32
}

# step NAME HASH COMMAND… : runs COMMAND unless the stamp NAME already holds HASH
step() {
    local name="$1" hash="$2"
    shift 2
    if [ "$(cat "$STAMPS/$name" 2>/dev/null)" = "$hash" ]; then
        return 0
    fi
    say "$name"
    "$@" || die "$name failed"
    mkdir -p "$STAMPS"
    printf '%s' "$hash" >"$STAMPS/$name"
}

# apt_packages NAME… : installs what dpkg does not know as installed
apt_packages() {
    local missing=()
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return 0
    say "system packages: ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# version_at_least WANTED FOUND
version_at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -1)" = "$1" ]; }
