/** The variable every child carries, so that the watcher finds those that left their process group. */
export const SERVICE_MARKER = 'CORTEX_MCP_SERVICE';

/**
 * The watcher, in POSIX sh. Its first line of input is the marker, then come `+pgid` and `-pgid`. The end of
 * input means that the service is gone, however it went: the kernel closes its end even after `kill -9`.
 * Then every registered group, and on Linux every process whose environment holds the marker, gets TERM,
 * half a second, and KILL until none is left (at most 20 rounds). `sleep 1` stands in where fractions are unknown.
 */
export const REAPER_SCRIPT = `
trap '' TERM INT HUP QUIT
cd /
IFS= read -r marker || exit 0
groups=' '
while IFS= read -r line; do
  id=\${line#?}
  case $line in
    +*) groups="$groups$id " ;;
    -*) case $groups in *" $id "*) groups="\${groups%%" $id "*} \${groups#*" $id "}" ;; esac ;;
  esac
done
reap() {
  left=1
  for id in $groups; do kill -s "$1" -- "-$id" 2>/dev/null && left=0; done
  [ -r /proc/self/environ ] || return $left
  for file in $(grep -lF -e "$marker" /proc/[0-9]*/environ 2>/dev/null); do
    id=\${file#/proc/}
    kill -s "$1" "\${id%/environ}" 2>/dev/null && left=0
  done
  return $left
}
pause() { sleep 0.1 2>/dev/null || sleep 1; }
reap TERM || exit 0
n=0
while [ $n -lt 5 ]; do
  pause
  reap 0 || exit 0
  n=$((n+1))
done
n=0
while [ $n -lt 20 ] && reap KILL; do
  n=$((n+1))
  pause
done
`;
