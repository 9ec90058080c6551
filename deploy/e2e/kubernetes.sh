#!/usr/bin/env bash
# Build Kubernetes, etcd, kubectl and Helm from the Go module beside this script: some ten minutes
# on two cores the first time; cached by content. Brings its own Go where there is none.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=$here/kubernetes
cache=${XDG_CACHE_HOME:-$HOME/.cache}/perceptor/e2e
kubernetes=1.36.3
go=1.26.8
declare -A go_sha256=(
  [amd64]=30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7
  [arm64]=02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99
)

built=$cache/kubernetes-$kubernetes-$(cat "$0" "$source"/{go.mod,go.sum,main.go} | sha256sum | cut -c1-12)
[ ! -d "$built" ] || exit 0

new_enough() {
  command -v go >/dev/null && [[ $(GOTOOLCHAIN=local go env GOVERSION) =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= 26))
}

# The toolchain as the module proxy has it: a zip without execute bits, its go.mod files renamed.
fetch_go() {
  local architecture name=$cache/go-$go
  case $(uname -m) in x86_64) architecture=amd64 ;; aarch64) architecture=arm64 ;; *)
    echo "kubernetes: no Go 1.26 on this machine, and none known for $(uname -m)" >&2
    exit 1
    ;;
  esac
  if [ ! -d "$name" ]; then
    echo "kubernetes: fetching Go $go"
    rm -rf "$name.new" && mkdir -p "$name.new"
    curl -fsSL -o "$name.zip" \
      "https://proxy.golang.org/golang.org/toolchain/@v/v0.0.1-go$go.linux-$architecture.zip"
    echo "${go_sha256[$architecture]}  $name.zip" | sha256sum --check --quiet
    busybox unzip -q "$name.zip" -d "$name.new"
    rm "$name.zip"
    local tree=$name.new/golang.org/toolchain@v0.0.1-go$go.linux-$architecture
    chmod +x "$tree"/bin/* "$tree"/pkg/tool/*/*
    find "$tree/src" -name _go.mod -execdir mv _go.mod go.mod \;
    mv "$tree" "$name"
    rm -rf "$name.new"
  fi
  PATH=$name/bin:$PATH
}

new_enough || fetch_go
echo "kubernetes: building $kubernetes in $built"
rm -rf "$built.new" && mkdir -p "$built.new"
# go.sum decides what is right; a toolchain other than the one at hand is not asked for.
export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly
version=k8s.io/component-base/version
build() {
  (cd "$source" && go build -trimpath -ldflags "-s -w $3" -o "$built.new/$1" "$2") 2>"$built.new/$1.log" ||
    { tail -n 20 "$built.new/$1.log"; exit 1; }
}
build kubernetes . "-X $version.gitVersion=v$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=36"
build helm helm.sh/helm/v3/cmd/helm ""
for command in etcd kube-apiserver kube-controller-manager kube-scheduler kubectl kubelet; do
  ln -s kubernetes "$built.new/$command"
done
# Not before all is there: a folder of this name is complete.
mv "$built.new" "$built"
du -sh "$built" | sed 's/^/kubernetes: /'
