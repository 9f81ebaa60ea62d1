# Profiles: the file, its digest, and every value that is refused.
. "$SRC/tests/cli/prelude"
sha=5b5df56ea0c5a2ad145c08f6f3f2281ff911e75221579196527f885646a3003d
new() { verdigris profile new --vocab 512 --tokenizer-sha256 $sha --unmarked-ids 0-2 "$@"; }
try new -o plain.json
cmp plain.json "$data/plain.json" && echo "as the second implementation writes it"
try new --account-share 0.5 -o shared.json
cmp shared.json "$data/shared.json" && echo "as the second implementation writes it"
try new -o plain.json
test "$(verdigris profile digest plain.json)" = "$(sha256sum < plain.json | cut -d' ' -f1)" && echo "digest is that of the file"
try verdigris profile show shared.json
try new --gamma 6/16 --delta 0.125 --window 1 --specials plain --zero-temperature argmax --unmarked-ids 5,0,9 -o -
try new --gamma 6/16 --delta 0.125 --window 1 --specials plain --zero-temperature argmax -o -
try verdigris profile new --vocab 512 --tokenizer-sha256 $sha --unmarked-ids 0-1,2,5 -o -
echo "refused"
for gamma in 1/3 0/4 4/4 5/4 1/512 0.25 1/ /4 1; do try new --gamma $gamma -o x.json; done
for delta in 0 0.0005 20.001 -1 2. .5 2e0 x; do try new --delta $delta -o x.json; done
for share in 0.3 -0.5 1.5 x; do try new --account-share $share -o x.json; done
try new --window 9 -o x.json
try new --scheme red -o x.json
try new --specials none -o x.json
try new --normaliser nfc/1 -o x.json
for list in 3-1 1-2,1 512 1, ,1 a; do try verdigris profile new --vocab 512 --tokenizer-sha256 $sha --unmarked-ids $list -o x.json; done
try verdigris profile new --vocab 0 --tokenizer-sha256 $sha -o x.json
try verdigris profile new --vocab 512 --tokenizer-sha256 5B -o x.json
try verdigris profile new --vocab 512 -o x.json
try verdigris profile new --vocab 512 --tokenizer-sha256 $sha --tokenizer t.model -o x.json
try verdigris profile new --tokenizer missing.model -o x.json
try verdigris profile new --tokenizer plain.json -o x.json
try new -o missing/x.json
test ! -e x.json
