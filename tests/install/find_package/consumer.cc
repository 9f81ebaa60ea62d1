// The C++ libraries, as another project sees them: a scheme from the table, and a tail of its null law.
#include <cstdio>

#include <verify/law.h>
#include <watermark/schemes.h>

int main() {
  const verdigris::Scheme* green = verdigris::FindScheme("green");
  const double log10_p = verdigris::verify::Log10BinomialUpperTail(/*n=*/4, /*k=*/4, /*numerator=*/1, /*denominator=*/4);
  std::printf("%s, log10 p %.4f\n", verdigris::SchemeNames().c_str(), log10_p);
  // 1/256
  return green != nullptr && log10_p < -2.408 && log10_p > -2.409 ? 0 : 1;
}
