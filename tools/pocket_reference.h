// A folder in the pocket model's form as a reference model of an investigation.
#pragma once

#include <string>

#include "verify/suspect/records.h"
#include "watermark/result.h"

namespace verdigris::tools {

// Errors   those of PocketLm::Load; kMismatch: a model of another number of ids than the tokenizer.
Result<verify::ReferenceModel> PocketReference(const std::string& folder, const verify::Tokenizer& tokenizer);

}  // namespace verdigris::tools
