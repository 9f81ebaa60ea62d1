# 130 and 143; and no core image, which would hold keys.
. "$SRC/tests/cli/prelude"
keys plain-provider
mkfifo in
sleep 30 > in &
writer=$!
for signal in INT TERM; do
  status=0
  timeout --preserve-status -s $signal 1 "$VERDIGRIS" detect --profile "$data/plain.json" --key plain-provider.key --ids text in || status=$?
  echo "exit $status"
done
"$VERDIGRIS" detect --profile "$data/plain.json" --key plain-provider.key --ids text in &
reader=$!
# Until it has started.
for _ in $(seq 100); do
  limits=$(grep '^Max core file size' "/proc/$reader/limits" | tr -s ' ')
  case $limits in *' 0 0 '*) break ;; esac
  sleep 0.1
done
echo "$limits"
kill $reader $writer
