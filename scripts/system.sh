# Sourced by setup: the programs that come from the operating system, by apt where that is possible.
SYSTEM_MISSING=()

python_found() {
  local name
  for name in python3 python3.13 python3.12 python3.11; do
    if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"; return 0
    fi
  done
  return 1
}

python_can_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

need() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || SYSTEM_MISSING+=("$2"); }

# What is missing for `up` or `test`, as Debian's package names in SYSTEM_MISSING.
list_missing() {
  local purpose=$1 python
  SYSTEM_MISSING=()
  if [ ! -x "$VENV/bin/python" ]; then
    if ! python=$(python_found); then SYSTEM_MISSING+=(python3 python3-venv)
    elif ! python_can_venv "$python"; then SYSTEM_MISSING+=(python3-venv); fi
  fi
  need janus janus
  need turnserver coturn
  need ffmpeg ffmpeg
  need bwrap bubblewrap
  if [ "$purpose" = test ]; then
    need chromium chromium
    need chromium-headless-shell chromium-headless-shell
    need firefox-esr firefox-esr
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || SYSTEM_MISSING+=(postgresql)
  fi
}

# How apt can be run: empty when not at all.
apt_command() {
  command -v apt-get >/dev/null || return 0
  [ -z "${VERBUND_WITHOUT_APT:-}" ] || return 0
  if [ "$(id -u)" = 0 ]; then echo "env"
  elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }; }; then echo "sudo env"; fi
}

# apt starts the services it installs. Verbund runs Janus and coturn as its own children, so a policy forbids that
# during the installation, and what came newly is not started at boot either.
install_packages() {
  local as_root=$1; shift
  local policy=/usr/sbin/policy-rc.d ours='' service code=0
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | ${as_root%env} tee "$policy" >/dev/null && ${as_root%env} chmod 755 "$policy" && ours=yes
  fi
  step "Paketlisten auffrischen" $as_root DEBIAN_FRONTEND=noninteractive apt-get -q update || true
  step "Systempakete einrichten: $*" $as_root DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$@" || code=$?
  [ -z "$ours" ] || ${as_root%env} rm -f "$policy"
  if command -v systemctl >/dev/null; then
    for service in janus coturn postgresql; do
      case " $* " in *" $service "*) ${as_root%env} systemctl disable --now "$service" >>"$LOG" 2>&1 || true ;; esac
    done
  fi
  return "$code"
}

what_is_lost() {
  case $1 in
    janus) warn "Janus fehlt: Videoanrufe gehen nicht, alles andere geht. Nachholen: apt install janus" "Janus is missing: no video calls, everything else works." ;;
    coturn) warn "coturn fehlt: Videoanrufe aus manchen Firmennetzen kommen nicht durch. Nachholen: apt install coturn" "coturn is missing: video calls from some company networks will not get through." ;;
    ffmpeg) warn "ffmpeg fehlt: Filme werden angenommen, aber nicht aufbereitet. Nachholen: apt install ffmpeg" "ffmpeg is missing: films are taken in but not prepared for watching." ;;
    bubblewrap) warn "bubblewrap fehlt: Bilder und Filme werden mit Grenzen, aber ohne eigene Umzäunung umgewandelt. Nachholen: apt install bubblewrap" "bubblewrap is missing: pictures and films are converted within limits but without a sandbox of their own." ;;
    chromium) warn "Chromium fehlt: Die Tests im Browser laufen nicht." "Chromium is missing: browser tests cannot run." ;;
    chromium-headless-shell) warn "chromium-headless-shell fehlt: Die Tests im Browser nehmen Chromium und dauern länger." "chromium-headless-shell is missing: browser tests take Chromium and longer." ;;
    firefox-esr) warn "Firefox ESR fehlt: Die Tests in Firefox laufen nicht." "Firefox ESR is missing: tests in Firefox cannot run." ;;
    postgresql) warn "PostgreSQL fehlt: Die Tests auf PostgreSQL laufen nicht." "PostgreSQL is missing: tests on PostgreSQL cannot run." ;;
  esac
}

# The whole step. Without apt it goes on and says what will not work; only a missing Python ends it.
system_packages() {
  local purpose=$1 as_root package
  list_missing "$purpose"
  [ ${#SYSTEM_MISSING[@]} = 0 ] && return 0
  as_root=$(apt_command)
  if [ -n "$as_root" ]; then
    say "  Es fehlen Programme des Betriebssystems. Mit apt werden jetzt eingerichtet: ${BOLD}${SYSTEM_MISSING[*]}${PLAIN}"
    say "  ${DIM}Installing with apt: ${SYSTEM_MISSING[*]}${PLAIN}"
    # All at once, and one by one when a single one cannot be had.
    install_packages "$as_root" "${SYSTEM_MISSING[@]}" || for package in "${SYSTEM_MISSING[@]}"; do install_packages "$as_root" "$package" || true; done
    hash -r
    list_missing "$purpose"
  else
    warn "Es fehlen: ${SYSTEM_MISSING[*]}. Ohne apt und Verwalterrechte (root oder sudo) kann ich sie nicht einrichten." \
      "Missing: ${SYSTEM_MISSING[*]}. They cannot be installed here without apt and root or sudo."
  fi
  case " ${SYSTEM_MISSING[*]} " in *" python3"*)
    die "Python 3.11 oder neuer mit venv fehlt. Bitte einrichten (Debian: apt install python3 python3-venv) und noch einmal starten." \
      "Python 3.11 or later with venv is missing. Install it (Debian: apt install python3 python3-venv) and start again." ;;
  esac
  for package in "${SYSTEM_MISSING[@]}"; do what_is_lost "$package"; done
}
