# Sourced by the other scripts: where things are, how a step is shown, how its result is remembered.
# German first; English follows where something cannot be had.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD
VENV=$ROOT/.venv
BUILD=$ROOT/.build
LOG=$BUILD/setup.log
STEP_TIMEOUT_S=1500
LOCK_WAIT_S=1800
HEARTBEAT_S=20
export PATH="$VENV/bin:$PATH" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
# Each start would compile all of Verbund anew.
unset PYTHONDONTWRITEBYTECODE
mkdir -p "$BUILD"

if [ -t 1 ]; then BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'; else BOLD='' DIM='' RED='' GREEN='' PLAIN=''; fi

say() { printf '%s\n' "$*"; }

# A German sentence and its English one: something cannot be had.
warn() { printf '%s! %s%s\n  %s%s%s\n' "$BOLD" "$1" "$PLAIN" "$DIM" "$2" "$PLAIN" >&2; }

die() { printf '\n%s✗ %s%s\n  %s%s%s\n' "$RED" "$1" "$PLAIN" "$DIM" "$2" "$PLAIN" >&2; exit 1; }

# step "what" command…: runs it with its output in the log, shows that time passes, shows the log's end when it fails.
step() {
  local what=$1 began=$SECONDS pid code=0 beat=$HEARTBEAT_S; shift
  printf '\n== %s\n$ %s\n' "$what" "$*" >>"$LOG"
  NO_COLOR=1 timeout "$STEP_TIMEOUT_S" "$@" >>"$LOG" 2>&1 </dev/null &
  pid=$!
  [ -t 1 ] || printf '  … %s\n' "$what"
  while kill -0 "$pid" 2>/dev/null; do
    if [ -t 1 ]; then
      printf '\r\e[K  %s %s %s(%d s) %.60s%s' '…' "$what" "$DIM" $((SECONDS - began)) "$(tail -n 1 "$LOG" | tr -dc '[:print:]')" "$PLAIN"
    elif [ $((SECONDS - began)) -ge "$beat" ]; then
      printf '    %s: läuft noch (%d s)\n' "$what" $((SECONDS - began)); beat=$((beat + HEARTBEAT_S))
    fi
    sleep 0.2
  done
  wait "$pid" || code=$?
  [ -t 1 ] && printf '\r\e[K'
  if [ "$code" = 0 ]; then printf '  %s✓%s %s (%d s)\n' "$GREEN" "$PLAIN" "$what" $((SECONDS - began)); return 0; fi
  printf '  %s✗%s %s (%d s)\n' "$RED" "$PLAIN" "$what" $((SECONDS - began))
  tail -n 15 "$LOG" | sed 's/^/      /' >&2
  return "$code"
}

# One content hash over files and folders; what was made (node_modules, build …) does not count.
inputs_of() {
  local there=() one
  for one in "$@"; do [ ! -e "$one" ] || there+=("$one"); done
  if git ls-files --error-unmatch Makefile >/dev/null 2>&1; then
    git ls-files -z --cached --others --exclude-standard -- "${there[@]}" | while IFS= read -r -d '' one; do
      [ ! -f "$one" ] || printf '%s\0' "$one"
    done
  else
    find "${there[@]}" \( -name node_modules -o -name build -o -name .svelte-kit -o -name paraglide -o -name cache -o -name test-results \) -prune \
      -o -type f -print0
  fi | LC_ALL=C sort -zu | xargs -0 sha256sum | sha256sum | cut -c1-64
}

# fresh STAMP HASH: whether STAMP (a file inside what it describes) says HASH.
fresh() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

# Only one set-up at a time; a second one waits.
lock_setup() {
  command -v flock >/dev/null || return 0
  exec 9>"$BUILD/lock"
  flock -n 9 && return 0
  say "  … eine andere Einrichtung läuft gerade, warte auf sie"
  flock -w "$LOCK_WAIT_S" 9 || die "Die andere Einrichtung wird nicht fertig." "The other set-up does not finish."
}
