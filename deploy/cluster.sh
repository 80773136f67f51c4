#!/usr/bin/env bash
# Several nodes on one machine, without Docker: a private PostgreSQL and Redis, the nodes, and a load balancer where HAProxy is installed.
# Everything listens on 127.0.0.1 only, under passwords made for the occasion, and ends with this script.
set -euo pipefail

usage() {
  cat <<'END'
usage: deploy/cluster.sh [--nodes N] [--port PORT] [--dir DIR] [--program FILE]

  --nodes N        how many nodes, 1 to 4 (default 2)
  --port PORT      port of the load balancer (default: a free one)
  --dir DIR        keep data and logs here, and go on with what is there (default: a temporary folder)
  --program FILE   the bizsync program (default: built from this source)

Other settings of the nodes come from the environment (BIZSYNC_LIMIT_..., BIZSYNC_LOG_LEVEL, BIZSYNC_ADMIN_EMAIL, ...). Ctrl-C ends it.
END
}

fail() {
  printf 'cluster: %s\n' "$*" >&2
  exit 1
}

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
nodes=2 port='' dir='' program=''
while (($#)); do
  case $1 in
    --nodes) nodes=${2-} ;;
    --port) port=${2-} ;;
    --dir) dir=${2-} ;;
    --program) program=${2-} ;;
    -h | --help)
      usage
      exit
      ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
  shift $(($# > 1 ? 2 : 1))
done
[[ $nodes =~ ^[1-4]$ ]] || fail "--nodes: a number from 1 to 4 is needed, not '$nodes'"
[[ -z $port || $port =~ ^[0-9]{1,5}$ ]] || fail "--port: a number is needed, not '$port'"
[[ -z $program || -x $program ]] || fail "--program: '$program' can't be run"
[[ -z $program ]] || program=$(realpath "$program")

# What the system brings. Debian keeps some of it out of PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
postgres_bin=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1 || true)
if [[ -z $postgres_bin ]]; then
  postgres_bin=$(dirname "$(command -v postgres || true)")
  [[ -x $postgres_bin/initdb ]] || fail 'PostgreSQL is missing (package postgresql)'
fi
need() { command -v "$1" >/dev/null || fail "$1 is missing: $2"; }
need redis-server 'install the package redis-server'
need redis-cli 'install the package redis-tools'
need setsid 'install the package util-linux'
[[ -n $program ]] || need go 'install Go, or name a built program with --program'
haproxy=$(command -v haproxy || true)

# PostgreSQL refuses to run as root.
as_postgres=()
if ((EUID == 0)); then
  need setpriv 'install the package util-linux'
  id -u postgres >/dev/null 2>&1 || fail 'as root, a user postgres is needed (package postgresql)'
  as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi

# --- the end ---

running=()       # processes in the order of their start
declare -A names # of those that have not ended
temporary=''
ended=''

# shellcheck disable=SC2317 # called when the script ends
# stop PID SIGNAL SECONDS asks a process to end, and makes it when it doesn't.
stop() {
  local pid=$1 tries=$(($3 * 20))
  kill -s "$2" "$pid" 2>/dev/null || return 0
  while kill -0 "$pid" 2>/dev/null; do
    if ((tries-- == 0)); then
      printf 'cluster: %s does not end and is killed\n' "${names[$pid]}" >&2
      kill -KILL -- "-$pid" 2>/dev/null || true # with the children of its session
      break
    fi
    sleep 0.05
  done
  wait "$pid" 2>/dev/null || true
}

# shellcheck disable=SC2317 # called when the script ends
# end stops what was started: the nodes first and together, while their database is still there.
end() {
  [[ -z $ended ]] || return 0
  ended=yes
  trap '' INT TERM HUP # it is on its way
  local pid i
  for pid in "${!names[@]}"; do
    [[ ${names[$pid]} != node* ]] || kill -TERM "$pid" 2>/dev/null || true
  done
  for ((i = ${#running[@]} - 1; i >= 0; i--)); do
    pid=${running[i]}
    case ${names[$pid]-} in
      '') ;; # it has ended before
      PostgreSQL) stop "$pid" INT 20 ;; # a fast shutdown: it doesn't wait for clients
      node*) stop "$pid" TERM 12 ;;
      *) stop "$pid" TERM 5 ;;
    esac
  done
  [[ -z $temporary ]] || rm -rf -- "$temporary"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# launch NAME LOG COMMAND... starts a process in a session of its own: a Ctrl-C in the terminal is for this script, which ends them in order.
launch() {
  local name=$1 log=$2
  shift 2
  setsid "$@" </dev/null >"$log" 2>&1 &
  running+=($!)
  names[$!]=$name
}

# ready NAME LOG COMMAND... waits until the command succeeds.
ready() {
  local name=$1 log=$2 pid=${running[-1]} deadline=$((SECONDS + 60))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ! kill -0 "$pid" 2>/dev/null || ((SECONDS > deadline)); then
      tail -n 20 "$log" >&2
      fail "$name does not start"
    fi
    sleep 0.1
  done
}

# free_port sets REPLY to a port at which nobody answers, below those that the system gives to outgoing connections.
declare -A taken
free_port() {
  local p
  for _ in {1..100}; do
    p=$((20000 + RANDOM % 12000))
    if [[ -z ${taken[$p]-} ]] && ! (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; then
      taken[$p]=yes
      REPLY=$p
      return
    fi
  done
  fail 'there is no free port'
}

# --- the folder ---

if [[ -z $dir ]]; then
  temporary=$(mktemp -d "${TMPDIR:-/tmp}/bizsync-cluster.XXXXXX")
  dir=$temporary
else
  mkdir -p "$dir"
  dir=$(realpath "$dir")
  exec 9>"$dir/lock"
  flock -n 9 || fail "$dir is in use by another cluster"
fi
umask 077
mkdir -p "$dir/log" "$dir/redis" "$dir/postgres"
if ((EUID == 0)); then
  chmod go+x "$dir"
  chown postgres: "$dir/postgres"
  "${as_postgres[@]}" test -w "$dir/postgres" || fail "user postgres can't reach $dir/postgres: choose a folder below one that others may enter"
fi
cd "$dir"

# secret NAME prints a password that is made once.
secret() {
  [[ -s $dir/$1 ]] || od -An -N 24 -tx1 /dev/urandom | tr -d ' \n' >"$dir/$1"
  cat "$dir/$1"
}

if [[ -z $program ]]; then
  echo 'Building bizsync ...'
  program=$dir/bizsync
  (cd "$source_dir" && go build -o "$program" ./cmd/bizsync)
fi

# --- PostgreSQL ---

postgres_password=$(secret postgres-password)
cd "$dir/postgres"
if [[ ! -s $dir/postgres/data/PG_VERSION ]]; then
  echo 'Making a database ...'
  rm -rf -- "$dir/postgres/data"
  ("${as_postgres[@]}" sh -c 'umask 077; cat >password' <<<"$postgres_password")
  "${as_postgres[@]}" env LC_ALL=C "$postgres_bin/initdb" -D "$dir/postgres/data" -U bizsync -A scram-sha-256 --pwfile="$dir/postgres/password" \
    -E UTF8 --locale=C --data-checksums >"$dir/log/initdb.log" 2>&1 || {
    tail -n 20 "$dir/log/initdb.log" >&2
    fail 'initdb failed'
  }
  rm -f -- "$dir/postgres/password"
fi
free_port && postgres_port=$REPLY
launch PostgreSQL "$dir/log/postgres.log" "${as_postgres[@]}" env LC_ALL=C "$postgres_bin/postgres" -D "$dir/postgres/data" \
  -h 127.0.0.1 -p "$postgres_port" -c unix_socket_directories= -c max_connections=200
ready PostgreSQL "$dir/log/postgres.log" "$postgres_bin/pg_isready" -h 127.0.0.1 -p "$postgres_port" -d postgres

# --- Redis: nothing in it is the only copy, so it keeps nothing ---

redis_password=$(secret redis-password)
free_port && redis_port=$REPLY
cd "$dir/redis"
cat >redis.conf <<END
bind 127.0.0.1
port $redis_port
requirepass $redis_password
dir $dir/redis
save ""
appendonly no
END
launch Redis "$dir/log/redis.log" redis-server "$dir/redis/redis.conf"
ready Redis "$dir/log/redis.log" env REDISCLI_AUTH="$redis_password" redis-cli -h 127.0.0.1 -p "$redis_port" -e ping

# --- the nodes ---

cd "$dir"
export BIZSYNC_DATABASE_URL=postgres://bizsync:$postgres_password@127.0.0.1:$postgres_port/postgres
export BIZSYNC_REDIS_URL=redis://:$redis_password@127.0.0.1:$redis_port/0
export BIZSYNC_TRUSTED_PROXIES=127.0.0.1/32
unset BIZSYNC_ADDR BIZSYNC_ADMIN_ADDR BIZSYNC_DATA_DIR BIZSYNC_PUBLIC_URL
addresses=('') metrics=('') # from 1
# node NUMBER starts a node and waits until it is ready.
node() {
  local i=$1
  launch "node $i" "$dir/log/node$i.log" env BIZSYNC_NODE_NAME="node$i" "$program" serve --addr "${addresses[i]}" --admin-addr "${metrics[i]}"
  ready "node $i" "$dir/log/node$i.log" "$program" healthcheck --url "http://${addresses[i]}"
}
for ((i = 1; i <= nodes; i++)); do
  free_port && addresses+=("127.0.0.1:$REPLY")
  free_port && metrics+=("127.0.0.1:$REPLY")
  node "$i"
done
# Each node prints a link of its own, and each link is good at any node.
setup=$(sed -n 's|^Create the first account at http://[^/]*||p' "$dir/log/node1.log")

# --- the balancer ---

base=http://${addresses[1]}
if [[ -n $haproxy ]]; then
  if [[ -z $port ]]; then free_port && port=$REPLY; fi
  for ((i = 1; i <= 4; i++)); do unset "BIZSYNC_NODE_$i"; done
  for ((i = 1; i <= nodes; i++)); do export "BIZSYNC_NODE_$i=${addresses[i]}"; done
  export BIZSYNC_BALANCER=127.0.0.1:$port
  launch 'load balancer' "$dir/log/haproxy.log" "$haproxy" -db -f "$source_dir/deploy/haproxy.cfg"
  base=http://127.0.0.1:$port
  ready 'load balancer' "$dir/log/haproxy.log" "$program" healthcheck --url "$base"
fi

# --- what there is ---

printf '\n'
if [[ -n $haproxy ]]; then
  printf 'balancer  %s\n' "$base"
else
  printf 'balancer  none: HAProxy is not installed (package haproxy)\n'
fi
for ((i = 1; i <= nodes; i++)); do
  printf 'node %s    http://%s  metrics at http://%s/metrics\n' "$i" "${addresses[i]}" "${metrics[i]}"
done
printf 'logs      %s\n' "$dir/log"
[[ -z $setup ]] || printf '\nCreate the first account at %s%s\n' "$base" "$setup"
printf '\nCtrl-C ends it all.\n'

# A node that ends is started again, so that its end can be tried: kill it, or restart all one after the other. Redis and PostgreSQL are not: freezing Redis
# shows how nodes do without it, and how they find each other again.
for ((i = 1; i <= nodes; i++)); do
  for pid in "${!names[@]}"; do
    [[ ${names[$pid]} != "node $i" ]] || printf 'node %s is process %s\n' "$i" "$pid"
  done
done
for pid in "${!names[@]}"; do
  [[ ${names[$pid]} != Redis ]] || printf 'Redis is process %s: kill -STOP %s takes it away, kill -CONT %s brings it back\n' "$pid" "$pid" "$pid"
done
while ((${#names[@]})); do
  sleep 0.3
  for pid in "${!names[@]}"; do
    ! kill -0 "$pid" 2>/dev/null || continue
    wait "$pid" 2>/dev/null && status=0 || status=$?
    name=${names[$pid]}
    unset "names[$pid]"
    printf '%s has ended (%s)\n' "$name" "$status"
    i=${name#node }
    if [[ $i != "$name" ]]; then
      node "$i"
      printf 'node %s is process %s\n' "$i" "${running[-1]}"
    else
      printf '%s is not started again\n' "$name"
    fi
  done
done
fail 'nothing runs any more'
