// Findings as Arrow data: a stream of batches that are judged when they are asked for, one row for each document of the source.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "tools/python/native/arrow_strings.h"
#include "verify/finding.h"
#include "watermark/result.h"

namespace verdigris::python {

// Where the documents are: a stream, or one batch.
struct ArrowSource {
  Owned<ArrowSchema> schema;
  std::optional<Owned<ArrowArrayStream>> stream;
  std::optional<Owned<ArrowArray>> batch;
};

using JudgeDocument = std::function<Result<verify::Finding>(const ArrowDocument&)>;

// Columns verdict (utf8), log10_p, log10_p_anytime (float64), tokens, scored, repeats (int64), all null for a null. `judge` is called by
// whoever asks for the next batch. An error ends the stream, with its text.
ArrowArrayStream FindingStream(ArrowSource source, std::string column, JudgeDocument judge);

}  // namespace verdigris::python
