# Secret files that others can read, replace or redirect; and bytes that are not a key file.
. "$SRC/tests/cli/prelude"
keys plain-provider plain-protected
detect() { verdigris detect --profile "$data/plain.json" --ids json --json "$data/plain.jsonl" "$@" > out && status=0 || status=$?; echo "exit $status"; }
detect --key plain-provider.key
for mode in 640 604 660 601; do
  cp plain-provider.key open.key
  chmod $mode open.key
  detect --key open.key
done
detect --key open.key --insecure-permissions
grep -c insecure_permissions out
ln -s plain-provider.key link.key
detect --key link.key
mkfifo pipe.key
chmod 600 pipe.key
detect --key pipe.key
detect --key pipe.key --insecure-permissions
mkdir folder.key
detect --key folder.key
cp plain-provider.key two.key
ln two.key names.key
detect --key two.key
detect --key missing.key
edit() { sed "$1" plain-provider.key > edited.key; chmod 600 edited.key; detect --key edited.key; }
edit 's/^epoch: 5/epoch: 6/'
edit 's/^role: provider/role: selector/'
edit 's/^kid: ./kid: 0/'
edit '10d'
edit 's/$/\r/'
edit 's,key/1,key/2,'
head -c 200 plain-provider.key > edited.key
detect --key edited.key
: > edited.key
detect --key edited.key
head -c 5000 /dev/zero > edited.key
detect --key edited.key
echo "passphrases"
printf 'correct horse\n' > right
printf 'battery staple\n' > wrong
head -c 2000 /dev/zero > long
chmod 600 right wrong long
detect --key plain-protected.key
detect --key plain-protected.key --passphrase-file right
detect --key plain-protected.key --passphrase-fd 9 9< right
detect --key plain-protected.key --passphrase-file wrong
detect --key plain-protected.key --passphrase-file long
detect --key plain-protected.key --passphrase-file missing
detect --key plain-protected.key --passphrase-fd 9
