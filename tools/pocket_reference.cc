// Probabilities are those of the logits at temperature 1, over all ids. Tested by tests/cli/investigate_test.sh.
#include "tools/pocket_reference.h"

#include <algorithm>
#include <cmath>

#include "tools/pocket_lm/pocket_lm.h"

namespace verdigris::tools {
namespace {

constexpr size_t kRows = 32;        // positions whose logits are held at once
constexpr float kLeast = 0x1p-9f;   // M3.1, where the suspect has no list

// The list of one position: likely ids, the one that stands there, those that the suspect's list has.
void AddList(std::span<const float> logits, uint32_t stands, std::span<const verify::ListEntry> wanted, std::vector<uint32_t>& ids, verify::Lists& lists) {
  const float top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - top);
  const float least = top + static_cast<float>(std::log(kLeast * sum));
  ids.clear();
  if (stands < logits.size()) ids.push_back(stands);
  for (const verify::ListEntry& entry : wanted) {
    if (entry.id < logits.size()) ids.push_back(entry.id);
  }
  for (uint32_t id = 0; id < logits.size(); ++id) {
    if (logits[id] >= least) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::vector<verify::ListEntry> list;
  list.reserve(ids.size());
  for (const uint32_t id : ids) list.push_back({id, verify::FixedProbability(static_cast<double>(logits[id]) - top - std::log(sum))});
  lists.Add(list);
}

}  // namespace

Result<verify::ReferenceModel> PocketReference(const std::string& folder, const verify::Tokenizer& tokenizer) {
  VERDIGRIS_ASSIGN_OR_RETURN(const pocket::PocketLm model, pocket::PocketLm::Load(folder));
  if (model.vocab() != tokenizer.vocab()) {
    return Fail(ErrorKind::kMismatch, folder + ": the model has " + std::to_string(model.vocab()) + " ids, the tokenizer " + std::to_string(tokenizer.vocab()));
  }
  return verify::ReferenceModel([model](const verify::OneRecord& record) -> Result<verify::Lists> {
    pocket::Session session(model);
    const uint32_t bos = model.bos_id();
    if (record.shown.empty() || record.shown[0] != bos) VERDIGRIS_RETURN_IF_ERROR(session.Feed({&bos, 1}));
    VERDIGRIS_RETURN_IF_ERROR(session.Feed(record.shown));
    verify::Lists lists;
    std::vector<float> rows;
    std::vector<uint32_t> ids;
    const auto add = [&](std::span<const float> logits) {
      const size_t t = lists.size();
      AddList(logits, record.output[t], record.suspect ? (*record.suspect)[t] : std::span<const verify::ListEntry>(), ids, lists);
    };
    const std::span<const uint32_t> output = record.output;
    if (!output.empty()) add(session.logits());
    for (size_t start = 0; lists.size() < output.size(); start += kRows) {
      const size_t count = std::min(kRows, output.size() - 1 - start);
      rows.resize(count * model.vocab());
      VERDIGRIS_RETURN_IF_ERROR(session.FeedEach(output.subspan(start, count), rows));
      for (size_t i = 0; i < count; ++i) add(std::span<const float>(rows).subspan(i * model.vocab(), model.vocab()));
    }
    return lists;
  });
}

}  // namespace verdigris::tools
