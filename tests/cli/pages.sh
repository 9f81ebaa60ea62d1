# Man page and completions in the tree are those of this build. To renew them: verdigris pages man > docs/man/verdigris.1,
# and bash, zsh to tools/completion/.
. "$SRC/tests/cli/prelude"
verdigris pages man | cmp - "$SRC/docs/man/verdigris.1"
verdigris pages bash | cmp - "$SRC/tools/completion/verdigris.bash"
verdigris pages zsh | cmp - "$SRC/tools/completion/_verdigris"
bash -n "$SRC/tools/completion/verdigris.bash"
SRC=$SRC bash -c '. "$SRC/tools/completion/verdigris.bash"; COMP_WORDS=(verdigris detect --rule ""); COMP_CWORD=3; _verdigris; echo "${COMPREPLY[@]}"
         COMP_WORDS=(verdigris profile ""); COMP_CWORD=2; _verdigris; echo "${COMPREPLY[@]}"
         COMP_WORDS=(verdigris keygen --o); COMP_CWORD=2; _verdigris; echo "${COMPREPLY[@]}"'
