#!/usr/bin/env bash
# Prints the krew manifest of a release, so that `kubectl krew install --manifest=berth.yaml` gives `kubectl berth`.
# Usage: krew.sh TAG SHA256SUMS
set -euo pipefail
tag=${1:?the tag, such as v0.1.0}
sums=${2:?the file with the checksums of the archives}
version=${tag#v}
base=https://github.com/berth-dev/berth/releases/download/$tag
cat <<YAML
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: berth
spec:
  version: $tag
  homepage: https://github.com/berth-dev/berth
  shortDescription: Simulate and explain pod scheduling
  description: |
    Shows where pods would run, which stay pending and why, on your cluster or on manifests, with kube-scheduler's own
    decisions. It only reads from the cluster.
  platforms:
YAML
platform() { # os, architecture, target
  local file=berth-$version-$3.tar.gz sum
  sum=$(awk -v file="$file" '$2 == file { print $1 }' "$sums")
  if [ -z "$sum" ]; then
    echo "error: $sums has no checksum of $file; build that archive first" >&2
    exit 1
  fi
  cat <<YAML
  - selector:
      matchLabels:
        os: $1
        arch: $2
    uri: $base/$file
    sha256: $sum
    bin: berth
    files:
    - from: berth-$version-$3/berth
      to: berth
    - from: berth-$version-$3/LICENSE
      to: LICENSE
YAML
}
platform linux amd64 x86_64-unknown-linux-musl
platform linux arm64 aarch64-unknown-linux-musl
platform darwin amd64 x86_64-apple-darwin
platform darwin arm64 aarch64-apple-darwin
