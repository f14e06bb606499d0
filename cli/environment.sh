# Sourced by the launchers with $root set to the repository. Afterwards node_modules is what package-lock.json says and $node
# is a Node of version 24 or newer. Costs about a millisecond when there is nothing to do; safe when several run at once.

fail() {
  printf 'bramble: %s\n' "$1" >&2
  exit 69 # EX_UNAVAILABLE: something that is needed is not there
}

# npm writes .package-lock.json last, so an install that was cut off does not count.
dependencies_installed() {
  [ -f "$root/node_modules/.package-lock.json" ] &&
    ! [ "$root/package-lock.json" -nt "$root/node_modules/.package-lock.json" ]
}

# Waits for another launcher that is at the same work; released when this process ends or calls unlock.
lock() {
  mkdir -p "$root/.cache" || fail "cannot write to $root/.cache; run this as the owner of the repository"
  exec 9>"$root/.cache/launcher.lock"
  if command -v flock >/dev/null; then flock 9; fi
}

unlock() {
  exec 9>&-
}

install_dependencies() {
  command -v npm >/dev/null || fail 'npm is missing; on Debian: apt-get install npm'
  printf 'bramble: installing dependencies with npm ci (once, about 20 seconds) ...\n' >&2
  if ! (cd "$root" && npm ci --loglevel=error --no-progress >"$root/.cache/npm-ci.log" 2>&1 9>&-); then
    sed -n '1,12p' "$root/.cache/npm-ci.log" >&2
    if grep -Eq 'code (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH)' "$root/.cache/npm-ci.log"; then
      fail 'the npm registry cannot be reached; connect this machine, or copy node_modules from one of the same kind'
    fi
    fail "npm ci failed; the whole output is in $root/.cache/npm-ci.log"
  fi
  # Where the clock or a copy made the lock file look newer, it must not be installed again and again.
  touch "$root/node_modules/.package-lock.json"
}

find_node() {
  node=$root/node_modules/.bin/node
  if [ -x "$node" ]; then return; fi
  node=$(command -v node) || fail 'Node 24 or newer is missing, and the npm registry has none for this machine'
  major=$("$node" -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 24 ] || fail "Node 24 or newer is needed, $node is version $major, and npm brought none for this machine"
}

if ! dependencies_installed; then
  lock
  dependencies_installed || install_dependencies
  unlock
fi
find_node
