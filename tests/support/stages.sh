# Stages of tests/run and .ci/run: each is timed, bounded and reported; a failed stage does not
# hide the ones after it. Sourced, not run.

stages_names=()
stages_results=()
stages_failed=0

# stage BUDGET_SECONDS NAME COMMAND...: a command still running after its budget has failed.
stage() {
  local budget="$1" name="$2" started ended result=ok
  shift 2
  echo
  echo "=== $name (budget ${budget} s)"
  started=$(date +%s)
  stages_within "$budget" "$@" || result="FAILED ($?)"
  ended=$(date +%s)
  [ "$result" = ok ] || stages_failed=$((stages_failed + 1))
  echo "=== $name: $result in $((ended - started)) s"
  stages_names+=("$name")
  stages_results+=("$(printf '%6d s of %5d  %s' $((ended - started)) "$budget" "$result")")
}

# Programs run under timeout(1). Functions of the script run in a subshell and must return their
# own failures: `set -e` is off in a command whose status somebody reads.
stages_within() {
  local budget="$1"
  shift
  if [ "$(type -t "$1")" = function ]; then
    ("$@")
  else
    timeout --kill-after=10 "$budget" "$@"
  fi
}

# Prints the table; the script ends here with 1 if any stage failed.
stages_summary() {
  local i
  echo
  echo "=== summary: ${SECONDS} s in all"
  for i in "${!stages_names[@]}"; do
    printf '  %-28s %s\n' "${stages_names[$i]}" "${stages_results[$i]}"
  done
  if [ "$stages_failed" -gt 0 ]; then
    echo "=== $stages_failed stage(s) FAILED"
    exit 1
  fi
  echo "=== all stages passed"
}
