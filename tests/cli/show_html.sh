# The page of one text: the numbers are those of the terminal, the text is there with as many hits as tokens that scored, and
# nothing of a hostile text or name is obeyed.
. "$SRC/tests/cli/prelude"
keys master
cp "$SRC/tests/data/tiny_bpe.model" t.model
verdigris profile new --tokenizer t.model -o p.json 2> /dev/null
verdigris derive --from master.key --profile p.json --epoch 1 --role provider -o k.key 2> /dev/null
name='<img src=x>.txt'
printf 'the copper roof turns green in the rain\nand <script>the rain</script> \033[2J turns the copper roof' > "$name"
try verdigris show --profile p.json --key k.key --html page.html "$name"
verdigris show --profile p.json --key k.key "$name" | sed -n 's/^  p  *\(10^[^ ]*\).*/\1/p' > p
grep -c "<dt>p</dt><dd>$(cat p) that" page.html
hits=$(verdigris detect --trace --profile p.json --key k.key "$name" | grep -c '"score":1' || true)
test "$(sed -n '/class="text"/,/<.div>/p' page.html | grep -o '<b>' | wc -l)" -eq "$hits" && echo "as many hits as scored"
grep -c '<img\|<script' page.html || true
grep -c "$(printf '\033')" page.html || true
try verdigris show --profile p.json --key k.key --html no/folder/page.html "$name" 2> error
sed 's/no such.*/.../I' error
