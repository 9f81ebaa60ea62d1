/**
 * Any bytes, in each of the four forms of token ids: an error, or ids below 2^24 that come back the same when they are
 * written and read again in every form that can hold them.
 *
 * The first byte chooses the form.
 */
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/require.h"
#include "verify/text/token_ids.h"

namespace {

using verdigris::verify::IdForm;
using verdigris::verify::ParseTokenIds;
using Texts = std::vector<std::vector<uint32_t>>;

std::string WriteJson(const Texts& texts) {
  std::string out;
  for (const auto& ids : texts) {
    out += "[";
    for (size_t i = 0; i < ids.size(); ++i) out += (i == 0 ? "" : ",") + std::to_string(ids[i]);
    out += "]\n";
  }
  return out;
}

std::string WriteU32(const std::vector<uint32_t>& ids) {
  std::string out;
  for (uint32_t id : ids) {
    for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(id >> shift));
  }
  return out;
}

std::string WriteText(const std::vector<uint32_t>& ids) {
  std::string out;
  for (uint32_t id : ids) out += std::to_string(id) + "\n";
  return out;
}

using verdigris::testing::Require;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto form = static_cast<IdForm>(data[0] % 4);
  const auto texts = ParseTokenIds({reinterpret_cast<const char*>(data) + 1, size - 1}, form);
  if (!texts) {
    Require(!texts.error().message.empty());
    return 0;
  }
  for (const auto& ids : *texts) {
    for (uint32_t id : ids) Require(id < (uint32_t{1} << 24));
    Require(ParseTokenIds(WriteU32(ids), IdForm::kU32).value() == Texts{ids});
    Require(ParseTokenIds(WriteText(ids), IdForm::kText).value() == Texts{ids});
  }
  Require(ParseTokenIds(WriteJson(*texts), IdForm::kJson).value() == *texts);
  return 0;
}
