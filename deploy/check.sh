#!/usr/bin/env bash
# Runs static checks: gofmt, go vet, staticcheck, golangci-lint (.golangci.yml), go
# mod tidy, govulncheck. All steps run, even after failures; the output ends with a
# summary.
#
#   deploy/check.sh [STEP...]     all steps, or only those named:
#                                 gofmt vet staticcheck lint tidy vuln
#
# The tools are built once per tool and Go version, through the Go module proxy
# (verified against Go's checksum database), into repaird/tools below the user's
# cache directory. LINT_PROCS limits the processors of golangci-lint (default: all).
#
# govulncheck needs the vulnerability database (https://vuln.go.dev, or $GOVULNDB).
# If that is unreachable, the step says so and does not count.
#
# Exit codes: 0 clean, 1 findings or a step that failed to run, 2 usage error.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/.."

staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2
golangci=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
govulncheck=golang.org/x/vuln/cmd/govulncheck@v1.8.0

say() { echo "check: $*" >&2; }

# tool PACKAGE@VERSION prints the path of the program, building it if necessary. It
# is renamed into place, so that an interrupted build leaves nothing behind.
tool() {
  local name=${1%@*} version=${1##*@} dir partial
  name=${name##*/}
  dir=${XDG_CACHE_HOME:-$HOME/.cache}/repaird/tools/$(go env GOVERSION)
  if [[ ! -x $dir/$name-$version ]]; then
    say "building $name $version (once; some minutes)"
    mkdir -p "$dir"
    partial=$(mktemp -d "$dir/partial.XXXXXX")
    if ! GOFLAGS='' GOBIN=$partial go install "$1" >&2; then
      rm -rf "$partial"
      return 1
    fi
    mv "$partial/$name" "$dir/$name-$version"
    rmdir "$partial"
  fi
  echo "$dir/$name-$version"
}

# ---- the steps: 0 clean, 1 findings, 3 not checked ----------------------------

step_gofmt() {
  local files
  files=$(git ls-files -z --cached --others --exclude-standard -- '*.go' | existing | xargs -0r gofmt -l) || return 1
  [[ -z $files ]] && return 0
  echo "not formatted (gofmt -w):"
  echo "$files"
  return 1
}

# existing filters out files that are deleted but still in the index.
existing() {
  local file
  while IFS= read -r -d '' file; do
    [[ -f $file ]] && printf '%s\0' "$file"
  done
  return 0
}

step_vet() { go vet ./...; }

step_staticcheck() {
  local program
  program=$(tool "$staticcheck") && "$program" ./...
}

step_lint() {
  local program
  program=$(tool "$golangci") && "$program" run --concurrency "${LINT_PROCS:-0}" ./...
}

step_tidy() { go mod tidy -diff; }

step_vuln() {
  local program out status=0
  program=$(tool "$govulncheck") || return 1
  out=$("$program" ${GOVULNDB:+-db "$GOVULNDB"} ./... 2>&1) || status=$?
  echo "$out"
  # govulncheck exits with 3 for vulnerabilities and with 1 for other failures.
  if [[ $status -eq 1 && $out == *"fetching vulnerabilities"* ]]; then
    echo "the vulnerability database (${GOVULNDB:-https://vuln.go.dev}) is unreachable: NOT CHECKED"
    return 3
  fi
  [[ $status -eq 0 ]]
}

# ---- run and sum up ----------------------------------------------------------

all=(gofmt vet staticcheck lint tidy vuln)
steps=("${all[@]}")
if [[ $# -gt 0 ]]; then
  steps=("$@")
  for step in "${steps[@]}"; do
    [[ " ${all[*]} " == *" $step "* ]] || { say "unknown step $step (one of: ${all[*]})"; exit 2; }
  done
fi

summary='' failed=0
for i in "${!steps[@]}"; do
  step=${steps[$i]}
  say "$((i + 1))/${#steps[@]} $step"
  begin=$SECONDS status=0
  "step_$step" || status=$?
  case $status in
    0) result='ok' ;;
    3) result='not checked: see above' ;;
    *) result='FAILED'; failed=1 ;;
  esac
  summary+=$(printf '\ncheck:   %-12s %-24s %4d s' "$step" "$result" $((SECONDS - begin)))
done

say "summary$summary"
exit "$failed"
