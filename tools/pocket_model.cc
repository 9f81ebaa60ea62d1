// Tested by tests/cli/generate.sh and detect_proxy.sh.
#include "tools/pocket_model.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "tools/inputs.h"
#include "tools/terminal/progress.h"

namespace verdigris::tools {
namespace {

Result<std::string> ModelFolder() {
  for (const std::string& data : DataFolders()) {
    const std::string folder = data + "/pocket_lm";
    std::error_code ignored;
    if (std::filesystem::exists(folder + "/config.json", ignored)) return folder;
  }
  return Fail(ErrorKind::kNotFound, "the pocket model is not in the data folders");
}

}  // namespace

Result<PocketModel> LoadPocketModel(const Profile& profile, const std::string& profile_path, std::string& hint) {
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string folder, ModelFolder());
  auto tokenizer = FindTokenizer(profile, profile_path, folder + "/tokenizer.model", /*allow_mismatch=*/false);
  if (!tokenizer) {
    if (tokenizer.error().kind == ErrorKind::kMismatch) hint = "this is for the pocket model: profile new --tokenizer " + folder + "/tokenizer.model";
    return Unexpected(tokenizer.error());
  }
  VERDIGRIS_ASSIGN_OR_RETURN(pocket::PocketLm model, pocket::PocketLm::Load(folder));
  if (model.vocab() != (*tokenizer)->vocab()) {
    return Fail(ErrorKind::kMismatch, folder + ": the model has " + std::to_string(model.vocab()) + " ids, its tokenizer " + std::to_string((*tokenizer)->vocab()));
  }
  return PocketModel{std::move(model), std::move(*tokenizer)};
}

void DropSpecials(const PocketModel& pocket, std::span<float> logits) {
  pocket::DropSpecials(pocket.tokenizer->special_ids(), pocket.model.eos_id(), logits);
}

Result<std::vector<double>> LogProbabilitiesOf(const PocketModel& pocket, std::span<const uint32_t> ids, double temperature) {
  const SpecialIds special(pocket.tokenizer->special_ids(), pocket.model.vocab());
  pocket::Session session(pocket.model);
  const uint32_t bos = pocket.model.bos_id();
  VERDIGRIS_RETURN_IF_ERROR(session.Feed({&bos, 1}));
  std::vector<double> ln_q;
  Progress progress("tokens read by the proxy", ids.size());
  for (const uint32_t id : ids) {
    double ln = 0;
    if (!special.Contains(id)) {
      const std::span<const float> logits = session.logits();
      const double top = *std::max_element(logits.begin(), logits.end());
      double sum = 0;
      for (uint32_t v = 0; v < logits.size(); ++v) {
        if (!special.Contains(v)) sum += std::exp((logits[v] - top) / temperature);
      }
      ln = std::min(0.0, (logits[id] - top) / temperature - std::log(sum));
    }
    ln_q.push_back(ln);
    if (id < pocket.model.vocab()) VERDIGRIS_RETURN_IF_ERROR(session.Feed({&id, 1}));
    progress.Update(ln_q.size());
  }
  return ln_q;
}

}  // namespace verdigris::tools
