# Filters of a log, alone and all at once; shown, united, intersected; and readable by nobody else.
. "$SRC/tests/cli/prelude"
cat > log.jsonl <<'END'
{"account":"acct-7","prompt":[],"output":[5,6,9,10,5,6,11],"time":"2027-01-01T00:00:00Z"}
{"account":"team/b","prompt":[6,9],"output":[5,6,9,10,12],"time":"2027-01-01T00:00:00Z"}
{"account":"acct-7","prompt":[20,21],"output":[20,21,5,6],"time":"2027-01-02T00:00:00Z"}
END
build() { verdigris filter build --profile "$data/plain.json" "$@"; }
windows() { sed 's/.*"label":"\([^"]*\)".*"windows":\([0-9]*\),.*/\1 \2/'; }
echo "one account"
build --account acct-7 -o a.filter log.jsonl
stat -c %a a.filter
verdigris filter show a.filter | sed 's/^  \(salt\|sha256\) .*/  \1/'
echo "all accounts, under the same salt, from standard input"
build --all --salt-from a.filter --json -o filters - < log.jsonl | windows
stat -c '%a %n' filters filters/*
cmp a.filter filters/acct-7.filter
echo "another salt gives another file"
build --account acct-7 -o other.filter log.jsonl
cmp -s a.filter other.filter || echo differs
echo "a log in two files"
head -1 log.jsonl > 1.jsonl
tail -2 log.jsonl > 2.jsonl
build --account acct-7 --salt-from a.filter -o parts.filter 1.jsonl 2.jsonl
cmp a.filter parts.filter
echo "sets"
verdigris filter unite -o u.filter --json filters/acct-7.filter filters/team%2Fb.filter | windows
verdigris filter intersect -o i.filter --json --label both filters/acct-7.filter filters/team%2Fb.filter | windows
verdigris filter unite -o same.filter --json a.filter parts.filter a.filter | windows
cmp a.filter same.filter
verdigris filter --help
