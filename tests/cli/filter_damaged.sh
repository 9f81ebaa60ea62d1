# Logs and filters that cannot be used, and lines that make no sense: 2 for the line, 3 for the file.
. "$SRC/tests/cli/prelude"
good='{"account":"acct-7","prompt":[],"output":[5,6,9,10]}'
build() { try verdigris filter build --profile "$data/plain.json" "$@"; }
one() { printf '%s\n' "$1" > log.jsonl; build --account acct-7 -o x.filter log.jsonl; }
echo "the line"
build -o x.filter log.jsonl
build --all --account acct-7 -o x.filter log.jsonl
build --account 'a b' -o x.filter log.jsonl
build --account acct-7 --bytes 3 -o x.filter log.jsonl
build --account acct-7 -o x.filter
try verdigris filter
try verdigris filter make
try verdigris filter show
echo "the log"
build --account acct-7 -o x.filter missing.jsonl
one "$good" > /dev/null
one "$good"
printf '%s\n' "$good" | build --account acct-8 -o y.filter -
printf '' | build --all -o y - 
one '{"account":"acct-7","prompt":[],"output":[16777216]}'
one '{"account":"acct-7","promt":[],"output":[]}'
one 'text of a user'
printf '%s\n' '{"account":"b","prompt":[],"output":[],"time":"2027-01-02T00:00:00Z"}' \
  '{"account":"b","prompt":[],"output":[],"time":"2027-01-01T23:59:59Z"}' > back.jsonl
build --all -o y back.jsonl
mkdir full && touch full/file
printf '%s\n' "$good" > log.jsonl
build --all -o full log.jsonl
build --account acct-7 -o - log.jsonl
echo "the filter"
verdigris filter build --profile "$data/plain.json" --account acct-7 -o a.filter log.jsonl 2> /dev/null
verdigris filter build --profile "$data/plain.json" --account acct-7 -o b.filter log.jsonl 2> /dev/null
verdigris filter build --profile "$data/shared.json" --account acct-7 -o c.filter log.jsonl 2> /dev/null
build --account acct-7 --salt-from c.filter -o x2.filter log.jsonl
try verdigris filter unite -o x3.filter a.filter
try verdigris filter unite -o x3.filter a.filter b.filter
try verdigris filter unite -o x3.filter a.filter c.filter
try verdigris filter unite --label ' ' -o x3.filter a.filter a.filter
try verdigris filter unite -o b.filter a.filter a.filter
head -c 90 a.filter > cut.filter
cp log.jsonl text.filter
cp a.filter open.filter
chmod 600 cut.filter text.filter && chmod 644 open.filter
ln -s a.filter link.filter
for file in missing cut text open link; do try verdigris filter show $file.filter; done
try verdigris filter show --json a.filter cut.filter | sed 's/"windows":\([0-9]*\).*/\1/; s/{.*,/windows /'
try verdigris filter show --insecure-permissions open.filter | head -2
