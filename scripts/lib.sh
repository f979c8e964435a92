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
