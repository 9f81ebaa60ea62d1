# Man page and completions in the tree are those of this build. To renew them: verdigris pages man > docs/man/verdigris.1,
# and bash, zsh to tools/completion/.
. "$SRC/tests/cli/prelude"
verdigris pages man | cmp - "$SRC/docs/man/verdigris.1"
verdigris pages bash | cmp - "$SRC/tools/completion/verdigris.bash"
verdigris pages zsh | cmp - "$SRC/tools/completion/_verdigris"
bash -n "$SRC/tools/completion/verdigris.bash"
SRC=$SRC bash -c '. "$SRC/tools/completion/verdigris.bash"; COMP_WORDS=(verdigris detect --rule ""); COMP_CWORD=3; _verdigris; echo "${COMPREPLY[@]}"
         COMP_WORDS=(verdigris profile ""); COMP_CWORD=2; _verdigris; echo "${COMPREPLY[@]}"
         COMP_WORDS=(verdigris investigate ""); COMP_CWORD=2; _verdigris; echo "${COMPREPLY[@]}"
         COMP_WORDS=(verdigris investigate plan --api ""); COMP_CWORD=4; _verdigris; echo "${COMPREPLY[@]}"
         COMPREPLY=(); COMP_WORDS=(verdigris scan --format ""); COMP_CWORD=3; _verdigris; echo "${#COMPREPLY[@]}"
         COMP_WORDS=(verdigris report --format ""); COMP_CWORD=3; _verdigris; echo "${COMPREPLY[@]}"
         COMP_WORDS=(verdigris keygen --o); COMP_CWORD=2; _verdigris; echo "${COMPREPLY[@]}"'
zsh -f "$SRC/tests/cli/complete.zsh" "$SRC/tools/completion" 'verdigris ' 'verdigris detect --ru' 'verdigris detect --rule ' \
  'verdigris profile ' 'verdigris profile new --to' 'verdigris investigate ' 'verdigris investigate plan --ap' 'verdigris keygen --o' > zsh
# The first line has all verbs, and changes with each new one.
sed -n '1s/.* detect .* selftest .*/verbs/p; 2,$p' zsh
