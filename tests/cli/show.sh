# Tokens of a text, without colour: [hit], miss, <not scored>. As many brackets as the finding has hits.
. "$SRC/tests/cli/prelude"
keys master
cp "$SRC/tests/data/tiny_bpe.model" t.model
verdigris profile new --tokenizer t.model -o p.json 2> /dev/null
verdigris derive --from master.key --profile p.json --epoch 1 --role provider -o k.key 2> /dev/null
printf 'the copper roof turns green in the rain\nand the rain turns the copper roof green again' > a.txt
try verdigris show --profile p.json --key k.key a.txt > shown
cat shown
hits=$(verdigris detect --trace --profile p.json --key k.key a.txt | grep -c '"score":1' || true)
test "$(sed '/^key:/,$d' shown | tr -cd '[' | wc -c)" -eq "$hits" && echo "as many as scored"
