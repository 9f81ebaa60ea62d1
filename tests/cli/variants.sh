# Edits that a reader does not see: a second test of the text without them, a profile that undoes them, and a hint.
. "$SRC/tests/cli/prelude"
keys master
model=$SRC/datasets/pocket_lm/tokenizer.model
verdigris profile new --scheme gumbel --tokenizer "$model" -o p.json
verdigris derive --from master.key --profile p.json --epoch 1 --role provider -o k.key
verdigris generate --profile p.json --key k.key --prompt "The harbour" --max-tokens 150 --seed 5 -o marked.txt 2> /dev/null
sed 's/e/\xd0\xb5/g; s/ /\xe2\x80\x8b /g' marked.txt > edited.txt
detect() { verdigris detect --profile p.json --key k.key "$@"; }
short() { grep -o '"\(verdict\|verdict_by\|variant\)":"[^"]*"'; }

echo "as it is"
try detect --json edited.txt > out
short < out
tail -1 out
echo "both"
try detect --json --variants as-is,normalised edited.txt > out
short < out
tail -1 out
echo "the factor of two is paid, once"
member() { head -1 out | grep -o "\"$1\":[-0-9.]*" | head -1 | sed 's/.*://'; }
echo "$(member log10_p) $(member log10_p_family)" | awk '{ printf "%.4f\n", $2 - $1 }'
echo "segments are in bytes of the text as given"
head -1 out | grep -o '"bytes":\[[0-9,]*\]' | tr -d '"bytes:[]' | awk -F, -v n="$(wc -c < edited.txt)" '{ print ($2 > 0.8 * n && $2 <= n) ? "yes" : "no: " $0 " of " n }'
echo "a text that nothing changes is one test"
detect --json --variants as-is,normalised marked.txt > out
short < out
grep -c log10_p_family out || true
echo "in words"
detect --variants as-is,normalised edited.txt | grep -o '^  variant.*\|after allowing.*'
echo "shown with the text as it is given"
verdigris show --profile p.json --key k.key --variants as-is,normalised edited.txt > shown
tr -d '[]<>' < shown | head -c 60 | od -An -c | head -2 | tr -s ' '

echo "a provider that tokenizes after it"
verdigris profile new --scheme gumbel --tokenizer "$model" --normaliser verdigris-text/1 -o n.json
verdigris derive --from master.key --profile n.json --epoch 1 --role provider -o n.key
verdigris generate --profile n.json --key n.key --prompt "The harbour" --max-tokens 150 --seed 5 -o marked_n.txt 2> /dev/null
sed 's/e/\xd0\xb5/g; s/ /\xe2\x80\x8b /g' marked_n.txt > edited_n.txt
verdigris detect --profile n.json --key n.key --json edited_n.txt > out && short < out
verdigris detect --profile n.json --key n.key --json --variants as-is,normalised edited_n.txt > out && short < out

echo "refused"
try detect --variants normalised marked.txt
try detect --variants as-is,normalised --decoys 9 marked.txt
try detect --variants as-is,normalised --proxy lnp marked.txt
try detect --variants as-is,normalised --ids text marked.txt
