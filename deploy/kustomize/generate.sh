#!/usr/bin/env bash
# Write the Kustomize bases anew from the chart, so that both are the same objects: generate.sh [FOLDER]
# HELM names another helm than the one at hand, or the one that `make setup` built.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
chart=$here/../helm/perceptor
into=${1:-$here}
built=${XDG_CACHE_HOME:-$HOME/.cache}/perceptor/e2e
helm=${HELM:-$(command -v helm || find "$built" -path '*/kubernetes-*/helm' 2>/dev/null | sort | tail -n 1)}
[ -n "$helm" ] || { echo "kustomize: no helm on this machine; set HELM, or run make setup"; exit 1; }
for platform in kubernetes openshift gke; do
  mkdir -p "$into/$platform"
  {
    echo "# Written by generate.sh from the chart; change the chart, not this."
    "$helm" template perceptor "$chart" --namespace perceptor --kube-version 1.29.0 --skip-tests \
      --values "$chart/values-$platform.yaml" --values "$here/values.yaml" |
      sed -e 's|app.kubernetes.io/managed-by: Helm|app.kubernetes.io/managed-by: kustomize|' \
        -e '/^ *helm.sh\/chart: /d' -e '/^# Source: /d' -e 's/ *$//' -e '/^$/d'
  } >"$into/$platform/objects.yaml"
  cat >"$into/$platform/kustomization.yaml" <<END
# Perceptor on $platform. It needs two secrets, perceptor-tokens and perceptor-tls, and digests of
# its images: docs/install.md says how to bring them.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - ../namespace
  - objects.yaml
END
done
