# Whatever is wrong with the command line ends with 2, and no message repeats a value that may be a text.
. "$SRC/tests/cli/prelude"
keys plain-provider
try verdigris
try verdigris scam corpus
try verdigris --frobnicate
try verdigris profile
try verdigris profile make
try verdigris detect
try verdigris detect --profile p --key k --secret-option='a text of the user' f
try verdigris detect --profile p --key k --json=perhaps f
try verdigris detect --profile p --profile q --key k f
try verdigris detect --profile p --key
try verdigris keygen -o a.key superfluous
set -- --profile "$data/plain.json" --key plain-provider.key --ids json
for alpha in 0 1 -1 nan 1e-6x ''; do
  try verdigris detect "$@" --alpha="$alpha " "$data/plain.jsonl"
  try verdigris detect "$@" --alpha "$alpha" "$data/plain.jsonl"
done
try verdigris detect "$@" --rule last "$data/plain.jsonl"
try verdigris detect "$@" --test both "$data/plain.jsonl"
try verdigris detect "$@" --color sometimes "$data/plain.jsonl"
try verdigris detect --profile "$data/plain.json" --key plain-provider.key --ids utf8 "$data/plain.jsonl"
try verdigris detect "$@" --passphrase-fd x "$data/plain.jsonl"
try verdigris detect "$@" --passphrase-fd 3 --passphrase-file f "$data/plain.jsonl"
try verdigris show --profile "$data/plain.json" --key plain-provider.key
try verdigris profile show
try verdigris selftest --fast
