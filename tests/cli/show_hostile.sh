# A suspect's text cannot reach the terminal: escape sequences, C1 controls and changes of direction are shown as text.
. "$SRC/tests/cli/prelude"
keys master
cp "$SRC/tests/data/tiny_bpe.model" t.model
verdigris profile new --tokenizer t.model -o p.json 2> /dev/null
verdigris derive --from master.key --profile p.json --epoch 1 --role provider -o k.key 2> /dev/null
printf 'rain \033]0;title\007 \033[2J \302\233 31m \342\200\256 niar \r over \177 \377 end' > a.txt
verdigris show --color never --profile p.json --key k.key a.txt | sed '/^key:/,$d' > shown
LC_ALL=C grep -c "$(printf '[\001-\010\013-\037\177]')" shown || true
for byte in x1b x07 x9b u202e x0d x7f; do grep -q "$byte" shown && echo "$byte"; done
