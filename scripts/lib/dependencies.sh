# shellcheck shell=bash
# Sourced by the scripts beside this folder, with the repository root as the current directory.
# What is missing is installed; what is there is left alone, so every script can be run again at any time.

# need_node: fails with a sentence when Node is absent or too old.
need_node() {
  if ! command -v node >/dev/null 2>&1; then
    echo "Node is not installed. Cistern needs Node 20.19 or newer: https://nodejs.org/en/download" >&2
    return 1
  fi
  if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
    echo "This is Node $(node --version). Cistern needs Node 20.19 or newer." >&2
    return 1
  fi
}

# need_packages: installs node_modules when it is absent, older than the lock file, or built for another Node.
need_packages() {
  packages_are_there && return 0
  (
    # Two scripts started at once must not both replace node_modules.
    if command -v flock >/dev/null 2>&1; then
      flock 9
      packages_are_there && exit 0
    fi
    echo "Installing the npm packages of package-lock.json ..." >&2
    npm ci --include=dev --no-audit --no-fund --loglevel=error </dev/null >&2 || exit 1
    packages_are_there && exit 0
    echo "npm ci ended well, but SQLite does not load in this Node ($(node --version)):" >&2
    open_sqlite >&2
    exit 1
  ) 9<package-lock.json
}

packages_are_there() {
  [ -f node_modules/.package-lock.json ] || return 1
  [ ! package-lock.json -nt node_modules/.package-lock.json ] || return 1
  # The one package with a binary part: for Node 20 it is compiled, and loads in no other.
  open_sqlite >/dev/null 2>&1
}

# As server/db/sqlite.ts does.
open_sqlite() {
  node -e 'new (require(parseInt(process.versions.node) < 22 ? "better-sqlite3" : "better-sqlite3-napi"))(":memory:").close()'
}

# need_tools "command package"...: installs the Debian packages of the commands that are not there.
need_tools() {
  local entry missing=() packages=() elevate=()
  for entry in "$@"; do
    command -v "${entry%% *}" >/dev/null 2>&1 || {
      missing+=("${entry%% *}")
      packages+=("${entry##* }")
    }
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing programs: ${missing[*]}. There is no apt-get here: install them (Debian's names: ${packages[*]}) and run this again." >&2
    return 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      echo "Missing programs: ${missing[*]}. Run as root: apt-get install ${packages[*]}" >&2
      return 1
    fi
    elevate=(sudo -n)
  fi
  echo "Installing ${packages[*]} with apt-get ..." >&2
  "${elevate[@]}" apt-get update -qq </dev/null >&2 || true
  "${elevate[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${packages[@]}" </dev/null >&2
  for entry in "${missing[@]}"; do
    command -v "$entry" >/dev/null 2>&1 || {
      echo "apt-get did not bring $entry (see above)." >&2
      return 1
    }
  done
}

# need_kyverno: builds Kyverno's command line where it is not there yet. Needs Go.
need_kyverno() {
  scripts/kyverno/make >/dev/null
}
