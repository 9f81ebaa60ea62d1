// Composition is written out here over ICU's data, not left to ICU's normalizer: that one takes quadratic time for a long run of
// marks in the wrong order, which a text may hold to hang its reader. The canonical ordering below is a stable sort.
//
// By the stability policy of Unicode characters of a version behave the same in every ICU that knows it.
// Tested by tests/verify/text/source_text_test.cc (9.0) and normalize_test.cc (15.0).
#include "verify/text/composer.h"

#include <algorithm>

#include <unicode/uchar.h>
#include <unicode/unorm2.h>

namespace verdigris::verify {
namespace {

constexpr uint32_t kFirstMark = 0x300;  // below it every character is in NFC, and composes with none before it

const UNormalizer2* Nfc() {
  UErrorCode error = U_ZERO_ERROR;
  return unorm2_getNFCInstance(&error);  // data inside the library: cannot fail
}

}  // namespace

bool Composer::IsKnown(uint32_t c) const {
  if (c < kFirstMark) return true;
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(c), age);
  return age[0] >= 1 && (age[0] < major_ || (age[0] == major_ && age[1] == 0));
}

// Whether composition can never reach from before `c` into it.
bool Composer::Starts(uint32_t c) const { return c < kFirstMark || !IsKnown(c) || unorm2_hasBoundaryBefore(Nfc(), static_cast<UChar32>(c)); }

void Composer::Push(const TextUnit& unit, std::vector<TextUnit>& out) {
  if (inert_ || Starts(unit.code_point)) Finish(out);
  stretch_.push_back(unit);
  inert_ = !IsKnown(unit.code_point);
}

void Composer::Finish(std::vector<TextUnit>& out) {
  if (stretch_.size() == 1 && (stretch_[0].code_point < kFirstMark || unorm2_isInert(Nfc(), static_cast<UChar32>(stretch_[0].code_point)))) {
    out.push_back(stretch_[0]);
  } else if (!stretch_.empty()) {
    ComposeStretch(out);
  }
  stretch_.clear();
  inert_ = true;
}

void Composer::ComposeStretch(std::vector<TextUnit>& out) {
  const UNormalizer2* nfc = Nfc();
  decomposed_.clear();
  for (const TextUnit& unit : stretch_) {
    UChar decomposition[8];  // at most 4 code points
    UErrorCode error = U_ZERO_ERROR;
    const auto c = static_cast<UChar32>(unit.code_point);
    const bool known = IsKnown(unit.code_point);
    const int32_t length = known ? unorm2_getDecomposition(nfc, c, decomposition, 8, &error) : -1;
    if (length < 0 || U_FAILURE(error)) {
      decomposed_.push_back({unit.code_point, known ? unorm2_getCombiningClass(nfc, c) : uint8_t{0}});
      continue;
    }
    for (int32_t i = 0; i < length;) {
      UChar32 part;
      U16_NEXT(decomposition, i, length, part);
      decomposed_.push_back({static_cast<uint32_t>(part), unorm2_getCombiningClass(nfc, part)});
    }
  }
  for (auto from = decomposed_.begin(); from != decomposed_.end();) {
    if (from->combining_class == 0) {
      ++from;
      continue;
    }
    const auto to = std::find_if(from, decomposed_.end(), [](const Marked& marked) { return marked.combining_class == 0; });
    std::stable_sort(from, to, [](const Marked& a, const Marked& b) { return a.combining_class < b.combining_class; });
    from = to;
  }
  // Each character joins the last starter unless one between them is of no lower class (UAX 15, D117).
  size_t kept = 0, starter = 0;
  bool has_starter = false;
  for (const Marked marked : decomposed_) {
    if (has_starter && (kept == starter + 1 || decomposed_[kept - 1].combining_class < marked.combining_class)) {
      const UChar32 pair = unorm2_composePair(nfc, static_cast<UChar32>(decomposed_[starter].code_point), static_cast<UChar32>(marked.code_point));
      if (pair >= 0) {
        decomposed_[starter].code_point = static_cast<uint32_t>(pair);
        continue;
      }
    }
    if (marked.combining_class == 0) {
      has_starter = true;
      starter = kept;
    }
    decomposed_[kept++] = marked;
  }
  const bool same = kept == stretch_.size() &&
                    std::equal(stretch_.begin(), stretch_.end(), decomposed_.begin(),
                               [](const TextUnit& unit, const Marked& marked) { return unit.code_point == marked.code_point; });
  if (same) {
    out.insert(out.end(), stretch_.begin(), stretch_.end());
    return;
  }
  for (size_t i = 0; i < kept; ++i) out.push_back({decomposed_[i].code_point, stretch_.front().begin, stretch_.back().end, true});
}

}  // namespace verdigris::verify
