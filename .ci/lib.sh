# What the stages share: source it first. Sets $work, a directory of this stage's own, which is gone at its end together with every
# process that was started by start.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec < /dev/null

work=$(mktemp -d)
started_pids=()

say() { printf '\n== %s\n' "$*"; }

# fail WORDS...: ends the stage, with the end of each log.
fail() {
  local log
  printf 'FAILED: %s\n' "$*" >&2
  for log in "$work"/*.log; do
    [[ -s $log ]] || continue
    printf -- '-- the end of %s:\n' "$(basename "$log")" >&2
    tail -n 60 "$log" >&2
  done
  exit 1
}

clean_up() {
  local pid
  for pid in "${started_pids[@]}"; do
    kill -KILL "$pid" 2> /dev/null || true
  done
  if [[ -d $work/servers ]]; then
    demo servers stop || true
  fi
  rm -rf "$work"
}
trap clean_up EXIT

# need COMMAND PACKAGE: installs Debian's package if the command is missing.
need() {
  local sudo=
  command -v "$1" > /dev/null && return
  [[ $(id -u) == 0 ]] || sudo=sudo
  say "installing $2"
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$2"
}

# readme MARKER: the code block that follows a marker in the README, so that what is checked is what is written there.
readme() {
  local block
  block=$(awk -v marker="<!-- ci: $1 -->" '
    $0 == marker { found = 1; next }
    found && /^```/ { if (inside) exit; inside = 1; next }
    inside { print }' README.md)
  [[ -n $block ]] || fail "README.md has no code block after <!-- ci: $1 -->"
  printf '%s\n' "$block"
}

# maven LOG ARGUMENTS...: runs Maven, silent unless it fails.
maven() {
  local log=$work/$1.log
  shift
  mvn -B -q "$@" > "$log" 2>&1 || fail "mvn $*"
}

# newest_jdk: the home of the newest JDK beside the running one, or of those that a build server names in variables like
# JAVA_HOME_25_X64.
newest_jdk() {
  local home variable release newest= most=0 homes=()
  home=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java\.home = //p')
  for variable in "${!JAVA_HOME_@}"; do
    homes+=("${!variable}")
  done
  for home in "$(dirname "$(readlink -f "$home")")"/* "${homes[@]}"; do
    [[ -x $home/bin/javac ]] || continue
    release=$("$home/bin/javac" -version 2>&1 | grep -o '[0-9]*' | head -n 1)
    if ((release > most)); then
      most=$release
      newest=$home
    fi
  done
  printf '%s\n' "$newest"
}

# ---- counting tests

reports() { find . -path '*/target/surefire-reports/TEST-*.xml' -print0; }

# Reports of tests that do not run now must not count.
forget_reports() { find . -type d -path '*/target/surefire-reports' -prune -exec rm -rf {} +; }

# attribute NAME: its sum over all reports.
attribute() {
  reports | xargs -0 -r grep -ho '<testsuite .*' | grep -o " $1=\"[0-9]*\"" | grep -o '[0-9]*' \
    | awk '{ sum += $1 } END { print sum + 0 }'
}

# count WHAT: notes, for .ci/run, how many tests the reports tell of.
count() {
  local tests skipped
  tests=$(attribute tests)
  skipped=$(attribute skipped)
  [[ $tests -gt 0 ]] || fail "$1: no test has run"
  printf '%s: %s tests, %s of them skipped\n' "$1" "$tests" "$skipped"
  if [[ -n ${COUNTS:-} ]]; then
    printf '%s %s\n' "$tests" "$skipped" >> "$COUNTS"
  fi
}

# ---- starting, awaiting, stopping

# await SECONDS WHAT COMMAND...: until the command succeeds.
await() {
  local seconds=$1 what=$2
  shift 2
  local end=$((SECONDS + seconds))
  until "$@"; do
    ((SECONDS < end)) || fail "$what: not within $seconds s"
    sleep 0.2
  done
}

gone() { ! kill -0 "$1" 2> /dev/null; }

# demo ARGUMENTS...: one of the demo's commands, with servers that belong to this stage alone.
demo() { java "-Ddemo.servers.directory=$work/servers" -jar demo-app/target/demo-app.jar "$@"; }

started() {
  ! gone "$pid" || fail "the demo ended before it had started"
  grep -q 'Started DemoApplication' "$work/demo.log"
}

# start COMMAND...: starts the demo and waits until it answers. Sets pid and base.
start() {
  "$@" > "$work/demo.log" 2>&1 &
  pid=$!
  started_pids+=("$pid")
  await 600 "the demo starts" started
  base=http://localhost:$(grep -m 1 -o 'Tomcat started on port [0-9]*' "$work/demo.log" | grep -o '[0-9]*$')
  printf 'process %s, %s\n' "$pid" "$base"
}

# stop: ends what start has started.
stop() {
  kill -TERM "$pid"
  await 120 "the demo stops" gone "$pid"
}

# ---- asking the demo

# http METHOD PATH [curl's arguments]: sets status, headers and body.
http() {
  local method=$1 path=$2
  shift 2
  status=$(curl -sS --max-time 120 -X "$method" -D "$work/headers" -o "$work/body" -w '%{http_code}' "$@" "$base$path")
  headers=$(tr -d '\r' < "$work/headers")
  body=$(< "$work/body")
}

expect() { [[ $status == "$1" ]] || fail "$2: expected $1, got $status $body"; }

expect_body() { [[ $body == *"$1"* ]] || fail "$2: expected $1 in $body"; }

# event LOCKED ADDRESS SEVERITY
event() {
  http POST "/events?lock=$1" -H 'Content-Type: application/json' -d "{\"address\": \"$2\", \"severity\": $3}"
}

# holders LOCKER COUNT: whether that many callers hold a key of it.
holders() {
  http GET "/actuator/keyedlocks/$1"
  [[ $body == *"\"holders\":$2,"* ]]
}

# acquired LOCKER COUNT: a key of it has been acquired that often.
acquired() {
  http GET "/actuator/metrics/keyedlock.acquire?tag=lock:$1&tag=outcome:acquired"
  expect_body "\"statistic\":\"COUNT\",\"value\":$2.0" "the acquisitions of $1"
}

# statuses FILE: the statuses in it, with how often each occurs.
statuses() { sort "$1" | uniq -c | awk '{ printf "%s%s times %s", separator, $1, $2; separator = ", " }'; }

# fill_tenant LIMIT: as many reports of a tenant as may run at once run for a while, and one more that does not wait is rejected.
fill_tenant() {
  curl -sS -Z --no-progress-meter --parallel-immediate --max-time 120 -X POST -o /dev/null -w '%{http_code}\n' \
    "$base/tenants/acme/reports?millis=20000&n=[1-$1]" > "$work/reports" &
  reports_pid=$!
  await 20 "$1 reports of a tenant run" holders tenants "$1"
  http POST '/tenants/acme/reports?wait=false'
  expect 429 "the report after $1 that does not wait"
}

# tenant_ends LIMIT: waits for the reports of fill_tenant.
tenant_ends() {
  wait "$reports_pid"
  [[ $(statuses "$work/reports") == "$1 times 200" ]] || fail "$1 reports: $(statuses "$work/reports")"
  printf '%s at once, one more was answered 429\n' "$1"
}
