/** Property: an accepted filter has a rank for as many windows as it may, unites and intersects with itself to itself, and
 *  its entries stand as its length says. Nothing crashes. The first byte says whether the digest is made to fit. */
#include <cstdint>
#include <cstdlib>
#include <string>

#include "verify/suspect/filter.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace verdigris;
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1) != 0) {
    const Digest digest = Sha256(AsBytes(bytes));
    bytes.append(digest.begin(), digest.end());
  }
  const std::string given = bytes;
  const auto filter = verify::Filter::Parse(std::move(bytes));
  if (!filter) return 0;
  if (filter->bytes() != given) std::abort();
  const uint32_t window[8] = {3, 1, 4, 1, 5, 9, 2, 6};
  if (const auto rank = filter->RankOf(window); rank && *rank >= filter->size()) std::abort();
  const auto united = verify::Unite(*filter, *filter, filter->facts().label), common = verify::Intersect(*filter, *filter, filter->facts().label);
  if (!united || !common || united->bytes() != given || common->bytes() != given) std::abort();
  return 0;
}
