"""A runner of our own that prints what benchmark_model prints, as it goes; MODE in its environment says how."""

from pathlib import Path

SCRIPT = r"""#!/bin/sh
s=0 w=0 n=1 ops=
for a; do
  case $a in
    --graph=*) g=${a#*=} ;; --min_secs=*) s=${a#*=} ;; --num_runs=*) n=${a#*=} ;;
    --warmup_min_secs=*) w=${a#*=} ;; --enable_op_profiling=true) ops=1 ;;
  esac
done
log() { echo "INFO: $*"; }
log 'STARTING!'
case $MODE in
  fail) echo "ERROR: Failed to apply GPU delegate." ; echo "ERROR: Benchmarking failed."; exit 1 ;;
  crash) kill -SEGV $$ ;;
  garbage) head -c 20000 /dev/urandom; exit 0 ;;
  flood) yes '0123456789 0123456789 0123456789 0123456789' ;;
  oneline) head -c 300000 /dev/zero | tr '\0' x; echo ;;
  tell) printf '[%s]\n' "$@"; printf '<%s>\n' "$TOLD" "$LD_LIBRARY_PATH"; cat extra* 2>/dev/null ;;
  hang) [ "$w" = 0 ] || sleep 600 ;;
esac
[ -s "$g" ] || { echo "ERROR: Failed to load model $g"; exit 1; }
say() {
  log "Loaded model $g"
  log 'Created TensorFlow Lite XNNPACK delegate for CPU.'
  log 'Initialized session in 12.5ms.'
  log "Running benchmark for at least 1 iterations and at least $w seconds but terminate if exceeding 150 seconds."
  sleep $w
  log 'count=5 first=9000 curr=2000 min=1900 max=9000 avg=3400 std=2800'
  echo
  log "Running benchmark for at least $n iterations and at least $s seconds but terminate if exceeding 150 seconds."
  [ "$MODE" != slow ] || [ "$s" = 0 ] || { echo $$ >>started; sleep 600; }
  [ "$MODE" != wait ] || [ "$s" = 0 ] || { echo $$ >>started; [ "$(wc -l <started)" -gt 1 ] || sleep 600; }
  [ "$MODE" != mark ] || [ "$s" = 0 ] || echo $$ >>started
  [ -z "$AWAKE" ] || [ "$s" = 0 ] || eval "$AWAKE"
  sleep $s
  log "count=$n first=2100 curr=2000 min=1900 max=2300 avg=2000 std=40$PERCENTILES"
  echo
  log 'Inference timings in us: Init: 12500, First inference: 9000, Warmup (avg): 3400, Inference (avg): 2000'
  log 'Memory footprint delta from the start of the tool (MB): init=4.5 overall=11.25'
}
case $MODE in
  buffered) say >held; cat held ;;
  *) say ;;
esac
[ -n "$ops" ] || exit 0
t='	'
log 'Operator-wise Profiling Info for Regular Benchmark Runs:'
echo '============================== Run Order =============================='
echo "$t [node type]$t [first]$t [avg ms]$t [%]$t [cdf%]$t [mem KB]$t[times called]$t[Name]"
echo "$t CONV_2D$t 1.000$t 1.500$t 75.000%$t 75.000%$t 0.000$t 1$t[stem/Relu]:0"
echo "$t SOFTMAX$t 0.500$t 0.500$t 25.000%$t 100.000%$t 0.000$t 1$t[class]:1"
echo
echo 'Number of nodes executed: 2'
echo "Timings (microseconds): count=1 curr=2000"
echo 'Memory (bytes): count=0'
echo '2 nodes observed'
"""


def stub_runner(folder: Path, name: str = "benchmark_model") -> Path:
    """The runner as a file."""
    path = folder / name
    path.write_text(SCRIPT)
    path.chmod(0o755)
    return path
