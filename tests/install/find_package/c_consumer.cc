// verdigris.h from C++, against the shared library.
#include <verdigris.h>

int main() { return vdg_abi() == 1 && vdg_selftest(nullptr) == VDG_OK ? 0 : 1; }
