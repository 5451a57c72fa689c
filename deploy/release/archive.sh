#!/usr/bin/env bash
# Builds `berth` for a target and packs it with completions, man pages and licence.
# Usage: archive.sh TARGET FOLDER      for example: deploy/release/archive.sh x86_64-unknown-linux-gnu dist
# Writes FOLDER/berth-VERSION-TARGET.tar.gz. The programme must run on this machine, since it writes its own man pages.
set -euo pipefail
target=${1:?the target, such as x86_64-unknown-linux-musl}
out=${2:?the folder to write to}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cargo build --locked --release --package berth-cli --target "$target"
binary=${CARGO_TARGET_DIR:-target}/$target/release/berth
version=$("$binary" --version | cut -d' ' -f2)
name=berth-$version-$target
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/$name/completions" "$stage/$name/man"
install -m 755 "$binary" "$stage/$name/berth"
strip "$stage/$name/berth"
for shell in bash fish zsh; do
  "$binary" completions "$shell" > "$stage/$name/completions/berth.$shell"
done
"$binary" man "$stage/$name/man"
cp LICENSE README.md CHANGELOG.md "$stage/$name/"
# Sorted, without owner and time, so that the same input gives the same archive. BSD tar lacks these options.
if tar --version 2>/dev/null | grep -q GNU; then
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime='1980-01-01 00:00Z' -C "$stage" -cf - "$name" | gzip -n > "$out/$name.tar.gz"
else
  tar -C "$stage" -cf - "$name" | gzip -n > "$out/$name.tar.gz"
fi
echo "$out/$name.tar.gz"
