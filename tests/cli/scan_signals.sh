# SIGINT and SIGTERM: 130 and 143 within two seconds, also while an input has nothing to read; the same command goes on.
. "$SRC/tests/cli/prelude"
keys plain-provider
mkfifo in
sleep 30 > in &
writer=$!
for signal in INT TERM; do
  status=0
  start=$(date +%s%N)
  timeout --preserve-status -s $signal 2 "$VERDIGRIS" scan --profile "$data/plain.json" --key plain-provider.key --format jsonl --ids-field tokens -o run-$signal - < in || status=$?
  took=$(( ($(date +%s%N) - start) / 1000000 ))
  echo "exit $status"
  [ $took -lt 5000 ] || echo "took $took ms"
done
kill $writer
ls run-INT
