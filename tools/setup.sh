# What tools/check and tools/quickstart share: the packages, and how a step is run. Sourced by bash, never run.

# Debian 12 packages that build the tool and the libraries. The lists of README.md and CONTRIBUTING.md name this file.
build_packages=(cmake ninja-build pkg-config g++ libssl-dev libeigen3-dev libexpected-dev libsentencepiece-dev
  nlohmann-json3-dev libcli11-dev libsimdjson-dev libcurl4-openssl-dev libicu-dev zlib1g-dev
  libisal-dev libzstd-dev)
# And those that the tests need besides.
test_packages=(doctest-dev libbenchmark-dev python3 python3-dev python3-venv zsh)
# And those that run a scan on many machines: tools/check --engines. Python's engines are installed by tests/python/run.py.
engine_packages=(slurm-wlm munge parallel default-jre-headless)

# Says on stderr what is being done.
say() { printf '== %s\n' "$*" >&2; }

# Installs those of the named packages that are missing; touches no network where none is.
install_missing() {
  if ! command -v dpkg-query >/dev/null; then
    say "no dpkg here: taking it that the equivalents of these are installed: $*"
    return
  fi
  local missing=() package status
  for package in "$@"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    say "all packages are installed"
    return
  fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "error: these packages are missing, and installing them takes root or sudo: ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -q >&2 || return
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "${missing[@]}" >&2
}

step_times=()

# step NAME COMMAND...: runs the command and keeps how long it took.
step() {
  local name=$1 start=$SECONDS status=0
  shift
  say "$name"
  "$@" || status=$?
  step_times+=("$(printf '%5d s  %s' $((SECONDS - start)) "$name")")
  return "$status"
}

print_step_times() { printf '%s\n' "${step_times[@]}" >&2; }

# As many compilers as there are cores, and no more than there is memory for: one takes up to 1 GiB.
compile_jobs() {
  local cores memory_gib
  cores=$(nproc)
  memory_gib=$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo 2>/dev/null || echo "$cores")
  [ "${memory_gib:-0}" -ge 1 ] || memory_gib=1
  echo $((cores < memory_gib ? cores : memory_gib))
}

# Arrow C++ is no Debian package: where PyPI can be reached, pyarrow brings it into the folder FOLDER, and this prints the options
# of CMake that read Parquet with it. Else nothing is printed: the build then reads no Parquet, and its tests are left out.
parquet_options() {
  local folder=$1
  if [ ! -x "$folder/bin/python" ]; then
    python3 -m venv "$folder" >&2 || return 0
  fi
  if ! "$folder/bin/python" -m pip install --quiet 'pyarrow>=21' >&2; then
    say "pyarrow cannot be installed: this build reads no Parquet"
    return 0
  fi
  printf '%s\n' -DVERDIGRIS_PARQUET=ON "-DVERDIGRIS_PYARROW_PYTHON=$folder/bin/python"
}
