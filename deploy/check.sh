#!/usr/bin/env bash
# Reads the source without running it: gofmt, go vet, staticcheck, golangci-lint
# (.golangci.yml), go mod tidy, govulncheck. Every step runs, whatever the ones
# before it found; a summary ends the output.
#
#   deploy/check.sh [STEP...]     all steps, or only those named:
#                                 gofmt vet staticcheck lint tidy vuln
#
# The tools are built once per version, of themselves and of Go, through the Go
# module proxy (checked against Go's checksum database) into repaird/tools below
# the user's cache folder. LINT_PROCS is how many processors golangci-lint may
# use (default: all).
#
# govulncheck needs the database of vulnerabilities (https://vuln.go.dev, or
# what GOVULNDB names). Where that cannot be reached, the step says so, and the
# others decide.
#
# Exit codes: 0 nothing found, 1 findings or a step that could not run, 2 wrong usage.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/.."

staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2
golangci=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
govulncheck=golang.org/x/vuln/cmd/govulncheck@v1.8.0

say() { echo "check: $*" >&2; }

# tool PACKAGE@VERSION prints the path of the program, built if need be. It is
# renamed into place, so an interrupted build leaves nothing half done.
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

# ---- the steps: 0 nothing found, 1 findings, 3 could not be had ---------------

step_gofmt() {
  local files
  files=$(git ls-files -z --cached --others --exclude-standard -- '*.go' | existing | xargs -0r gofmt -l) || return 1
  [[ -z $files ]] && return 0
  echo "not formatted (gofmt -w):"
  echo "$files"
  return 1
}

# existing passes on the names of files that are there: one may be deleted, and
# not yet from the index.
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
  # 3 is govulncheck's own code for "vulnerabilities found", 1 any failure.
  if [[ $status -eq 1 && $out == *"fetching vulnerabilities"* ]]; then
    echo "the database of vulnerabilities (${GOVULNDB:-https://vuln.go.dev}) cannot be reached from here: NOT CHECKED"
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
    [[ " ${all[*]} " == *" $step "* ]] || { say "unknown step $step (there are: ${all[*]})"; exit 2; }
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
