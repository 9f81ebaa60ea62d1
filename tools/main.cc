// verdigris: the command line. Verbs are in verbs.cc, what they share in cli.cc.
#include "tools/cli.h"

int main(int argc, char** argv) { return verdigris::tools::Run(argc, argv); }
