// NFC frozen to a version of Unicode: characters that came later are left as they are and keep their neighbours apart.
#pragma once

#include <cstdint>
#include <vector>

#include "verify/text/text_unit.h"

namespace verdigris::verify {

// Takes units one after another. A stretch that composition changes becomes units that all stand for the whole of it.
class Composer {
 public:
  // Precondition: ICU knows the version.
  explicit Composer(uint8_t unicode_major) : major_(unicode_major) {}

  // Appends to `out` what is certain now: nothing that comes later can combine with it.
  void Push(const TextUnit& unit, std::vector<TextUnit>& out);
  // Appends the rest; the composer may then be used again.
  void Finish(std::vector<TextUnit>& out);

 private:
  bool IsKnown(uint32_t code_point) const;
  bool Starts(uint32_t code_point) const;
  void ComposeStretch(std::vector<TextUnit>& out);

  struct Marked {
    uint32_t code_point;
    uint8_t combining_class;
  };
  uint8_t major_;
  std::vector<TextUnit> stretch_;  // may still combine with what comes
  bool inert_ = true;              // its last unit, or there is none
  std::vector<Marked> decomposed_;
};

}  // namespace verdigris::verify
