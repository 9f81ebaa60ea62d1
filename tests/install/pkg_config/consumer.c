/* A C program that has found the C library by pkg-config (tests/install/run.py). */
#include <stdio.h>
#include <verdigris.h>

int main(void) {
  vdg_error error;
  int32_t code = vdg_selftest(&error);
  printf("libverdigris %s, abi %u: %s\n", vdg_version(), (unsigned)vdg_abi(), vdg_code_name(code));
  return code == VDG_OK ? 0 : 1;
}
