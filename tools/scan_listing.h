// The inputs of a scan, from its paths or from the list of a run that is there.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tools/scan_options.h"
#include "verify/corpus/input.h"

namespace verdigris::tools {

struct Listing {
  std::vector<verify::Input> inputs;  // by URI
  std::vector<verify::InputFailure> failures;
};
// Errors   kInvalidArgument where there is neither a path nor a run; those of ListInputs.
Result<Listing> ListAll(const ScanArguments& arguments, const verify::ListOptions& reading, const std::vector<std::string>& paths);

// One input of a list, as it lies here.
// Errors   kMismatch where it is not what was listed (its time aside, if `ignore_mtime`); kIo, kUnsupported.
Result<verify::Input> FindListed(const verify::ListedInput& listed, const verify::ListOptions& reading, bool ignore_mtime);

// Whether inputs of a format hold token ids, so that no tokenizer is needed.
bool HoldsIds(verify::Format format);

verify::UnitList ListOf(const std::vector<verify::Input>& inputs, const verify::ReadOptions& read, const Digest& run);

// Messages of inputs that cannot be used; the first of very many.
class InputFailures {
 public:
  // `before_each`: what clears the line for a message.
  void Print(std::span<const verify::InputFailure> failures, const std::function<void()>& before_each = {});
  // How many were not printed.
  void End() const;
  bool any() const { return printed_ > 0; }

 private:
  size_t printed_ = 0;
};

}  // namespace verdigris::tools
