// What a scan found as attributes of Dolma: beside each input a file with a line for each of its records.
#pragma once

#include <string>

#include "verify/corpus/result_files.h"
#include "watermark/result.h"

namespace verdigris::tools {

// Writes `folder`/URI, gzipped, for each input that the run in `run_folder` lists, and `folder`/inputs.jsonl, which says what each
// file belongs to. A line is {"attributes":{"verdigris__TEST__log10_p":[[first,end,log10 p],..],..},"id":".."}, an empty list where p is
// above tau; places count characters, as Dolma does, in records of ids tokens. Inputs are read again, without their tokenizer.
// `base`: the folder that URIs are relative to, if not that of the run. `results`: rows in the order of results.jsonl.
// Memory   a batch of documents.
// Errors   kInvalidArgument: `folder` holds something. kMismatch: an input is not what was tested, or a result belongs to none.
Result<void> WriteDolma(verify::ResultReader<verify::DocumentResult> results, const verify::CorpusSummary& summary, const std::string& run_folder,
                        const std::string& base, const std::string& folder);

}  // namespace verdigris::tools
