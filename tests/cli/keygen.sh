# A master key: new file, mode 0600, never over another, never to standard output.
. "$SRC/tests/cli/prelude"
cp "$data/plain.json" .
umask 0
try verdigris keygen -o a.key
stat -c '%a %n' a.key
sed 's/^\(kid\|key\|mac\|created\): .*/\1: .../' a.key
cp -p a.key before.key
try verdigris keygen -o a.key
cmp a.key before.key
try verdigris keygen -o b.key
cmp -s a.key b.key || echo "another key each time"
try verdigris keygen -o -
try verdigris keygen -o /dev/stdout
try verdigris keygen -o missing/a.key
printf 'correct horse\n' > phrase
chmod 600 phrase
try verdigris keygen -o c.key --passphrase-file phrase
grep -o '^enc: scrypt 17 8 1' c.key
printf 'correct horse' | try verdigris derive --from c.key --profile plain.json --role scheme -o d.key --passphrase-fd 0
grep -o '^enc: scrypt 17 8 1' d.key
: > empty
chmod 600 empty
try verdigris keygen -o e.key --passphrase-file empty
chmod 644 phrase
try verdigris keygen -o f.key --passphrase-file phrase
ls *.key
