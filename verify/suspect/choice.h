// Which tests decide, by what is offered (suspect-models.md M8).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "verify/suspect/investigation.h"
#include "watermark/result.h"

namespace verdigris::verify {

// A key that is to be tested, and the filter of what its account was served.
struct TestedKey {
  Layer layer = Layer::kProvider;
  std::string label;
  std::optional<Digest> filter_sha256;
};

struct Offered {
  std::vector<TestedKey> keys;
  std::vector<std::string> references;
  uint64_t lists = 0;  // entries at a position; endpoints with logits offer 20
  // Texts are shown, and of these kinds.
  bool reading = false, log_texts = false, marked_texts = false, unmarked_texts = false;
};

// The tests of every key in turn, with equal parts of alpha.
// Errors   kInvalidArgument: no key; more than 1000 parts; reading without lists or reference, which no test can use; a filter of
//          texts that are no log.
Result<std::vector<InvestigationTest>> ChooseTests(const Offered& offered);

}  // namespace verdigris::verify
