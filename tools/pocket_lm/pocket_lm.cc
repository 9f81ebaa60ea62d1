// Loading the pocket model; session.cc runs it. Tested by tests/tools/pocket_lm_test.cc.
#include "tools/pocket_lm/pocket_lm.h"

#include <limits>
#include <utility>

#include "tools/pocket_lm/weights.h"
#include "verify/file.h"

namespace verdigris::pocket {
namespace {

constexpr size_t kMaxConfigBytes = size_t{1} << 16;
constexpr size_t kMaxModelBytes = size_t{256} << 20;

Error InFile(const std::string& path, const Error& error) { return {error.kind, path + ": " + error.message}; }

}  // namespace

Result<PocketLm> PocketLm::Load(const std::string& folder) {
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string config_text, verify::ReadFile(folder + "/config.json", kMaxConfigBytes));
  const auto config = ReadConfig(config_text);
  if (!config) return Unexpected(InFile(folder, config.error()));

  const std::string path = folder + "/model.safetensors";
  VERDIGRIS_ASSIGN_OR_RETURN(const std::string file, verify::ReadFile(path, kMaxModelBytes));
  const auto tensors = ReadSafetensors(file);
  if (!tensors) return Unexpected(InFile(path, tensors.error()));
  auto weights = MakeWeights(*config, *tensors);
  if (!weights) return Unexpected(InFile(path, std::move(weights).error()));
  return PocketLm(std::make_shared<const Weights>(*std::move(weights)));
}

uint32_t PocketLm::vocab() const { return weights_->config.vocab; }
size_t PocketLm::context() const { return weights_->config.context; }
uint32_t PocketLm::bos_id() const { return weights_->config.bos_id; }
uint32_t PocketLm::eos_id() const { return weights_->config.eos_id; }

void DropSpecials(std::span<const IdRange> special_ids, uint32_t eos_id, std::span<float> logits) {
  for (const IdRange& range : special_ids) {
    for (uint32_t id = range.first; id <= range.last; ++id) {
      if (id != eos_id) logits[id] = -std::numeric_limits<float>::infinity();
    }
  }
}

}  // namespace verdigris::pocket
