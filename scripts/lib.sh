# Shared by the scripts of this folder. They run in the root of the workspace.

# Where cargo builds; tools that the scripts install go below it.
target="${CARGO_TARGET_DIR:-$PWD/target}"
export PATH="$target/tools/bin:$PATH"

# install_debian_packages COMMAND:PACKAGE..: installs the packages whose command, or file, is missing; quiet when none
# is.
install_debian_packages() {
    local pair packages=() sudo=()
    for pair in "$@"; do
        command -v "${pair%%:*}" >/dev/null || [ -e "${pair%%:*}" ] || packages+=("${pair#*:}")
    done
    [ "${#packages[@]}" -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "missing programs of the Debian packages ${packages[*]}: install them for your system" >&2
        return 1
    fi
    [ "$(id -u)" -eq 0 ] || sudo=(sudo)
    echo "installing ${packages[*]}"
    "${sudo[@]}" apt-get update -qq &&
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}

# install_cargo_tool NAME VERSION: into the target folder, when no such program is there.
install_cargo_tool() {
    command -v "$1" >/dev/null || cargo install --locked --quiet --root "$target/tools" --version "$2" "$1"
}

# python_environment: a virtual environment below the target folder, with exactly the packages of
# cose/tests/python/requirements.txt; quiet and quick when it is there.
python_environment() {
    local place="$target/python" wanted=cose/tests/python/requirements.txt python=python3
    ! cmp -s "$wanted" "$place/requirements.txt" || return 0
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        install_debian_packages /nowhere:python3-venv || return 1
        python=/usr/bin/python3
    fi
    rm -rf "$place"
    echo "installing the packages of $wanted"
    "$python" -m venv "$place" &&
        "$place/bin/pip" install --quiet --disable-pip-version-check --no-input --retries 1 --timeout 30 \
            --require-hashes --only-binary :all: -r "$wanted" &&
        cp "$wanted" "$place/requirements.txt"
}
